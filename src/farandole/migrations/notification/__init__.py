"""The history of the notification service's tables."""
