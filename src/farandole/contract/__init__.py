"""The shared language of the services: events, money and the choreography."""
