"""The WebSocket `/ws`: books at every whole second, changes of orders at once."""
