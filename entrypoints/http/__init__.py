"""The REST API: `app.create_app(services)` makes it; a file per resource, all errors in `problems.py`."""
