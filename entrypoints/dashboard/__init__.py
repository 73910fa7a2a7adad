"""The page of `twap dashboard`: books and orders of a server in the browser, by `twap.entrypoints.client`.

`app` is the script that Streamlit runs. `views`, `figures` and `ticket` shape what is shown, `server` and
`following` fetch it; none of these knows of Streamlit.
"""
