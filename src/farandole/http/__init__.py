"""How the services speak HTTP: routes as values, checked bodies, problem details."""
