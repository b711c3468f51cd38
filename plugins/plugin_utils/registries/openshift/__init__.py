# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenShift's objects about registries as settings of the files that its machine-config-operator writes, and back."""
