"""Properties are judged by what they find: not by how busy the machine is, nor by how often a life forbids the case."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "models", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
settings.load_profile("models")
