from docs.tools import api_document


def test_api_document_when_made_anew_then_the_same():
    written = api_document.TARGET.read_text(encoding="utf-8")
    assert written == api_document.text(), "out of date; run: python docs/tools/api_document.py"
