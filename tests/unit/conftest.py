# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of hypothesis for all unit tests: none of them measures time, so a busy machine fails none."""

from hypothesis import HealthCheck, settings

settings.register_profile("cri-node", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("cri-node")
