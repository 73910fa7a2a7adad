"""What tests of OKX share."""

from hypothesis import strategies as st

from twap.plugins.exchanges.okx import OKX

EXCHANGE = OKX()


DAMAGE = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [b"null", b'"\\ud800"', b"1e400", b"-0", b"[[[[", b"{}", b"NaN", b"9" * 400, b"\xff", b'""']
    ),
)
