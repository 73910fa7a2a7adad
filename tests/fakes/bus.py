class ListBus:
    """Keeps what is published."""

    def __init__(self):
        self.events = []

    def publish(self, event):
        self.events.append(event)
