#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only. The action of the same name does the work, and calls node_crio_config_facts on the node.

from __future__ import annotations

DOCUMENTATION = r"""
module: crio_config_facts
short_description: Gather the effective and live CRI-O configuration
version_added: 0.1.0
description:
  - Returns every file that CRI-O reads, the effective configuration that results from them with the file, option or variable
    that set each key, the configuration that the running daemon reports, and where these differ.
  - Also returns findings. CRI-O reads every file below C(crio.conf.d) whatever its name, ignores unknown keys without a message,
    and replaces a handler as a whole. So a forgotten backup may win and a misspelled key has no effect.
  - The effective configuration is merged on the controller by the rules of CRI-O. It does not include what CRI-O only determines
    when it starts, such as storage options of C(storage.conf), or the path of a program that it finds in E(PATH).
  - Values that may be secret (C(default_env), C(conmon_env) and C(monitor_env)) never leave the node and are returned as
    V((secret\)), unless they are those of the built-in handler. Credentials in URLs are masked. Values of unknown keys and
    comments are never returned.
  - Makes one remote call.
options:
  desired:
    description:
      - Desired settings, in the form of the role variable C(crio_config). They are validated before the node is contacted.
      - Each key whose effective value is another one is added to the differences.
    type: dict
  accept_keys:
    description:
      - Keys of O(desired) to accept although no supported CRI-O is known to have them, in the form of the role variable
        C(crio_accept_keys). They are not compared.
    type: list
    elements: str
    default: []
  unit:
    description: The systemd unit that runs CRI-O.
    type: str
    default: crio.service
  timeout:
    description:
      - Time limit for the answer of the daemon, in seconds.
      - Also the time to wait for a change of the node that is in progress.
    type: int
    default: 10
extends_documentation_fragment:
  - cri.node.attributes.facts
attributes:
  platform:
    description: The operating system of the managed nodes.
    support: full
    platforms: linux
    details:
      - Nodes with systemd and Python 3.9 or later.
notes:
  - Does not require root. Without it, files that only root can read are returned with a problem, the socket usually refuses the
    connection, and managed files are recognised by their header. RV(ansible_facts.crio_configuration.notes) and
    RV(ansible_facts.crio_configuration.complete) show what is missing.
  - At most 1000 files of at most 1 MiB each, and 8 MiB together, are read. A FIFO or a device is never opened for reading.
requirements:
  - Python 3.9 or newer on the node
  - systemd on the node
  - root, which usually means C(become=true), for files that only root can read and for the configuration of the running daemon
seealso:
  - module: cri.node.runtime_config
  - module: cri.node.runtime_verify
  - module: cri.node.crictl_info_facts
author:
  - The cri.node contributors (@cri-node)
"""

EXAMPLES = r"""
- name: Gather the configuration of CRI-O
  cri.node.crio_config_facts:
  become: true

- name: Show which file sets the log level
  ansible.builtin.debug:
    msg: "{{ ansible_facts.crio_configuration.effective['crio.runtime.log_level'].source }}"

- name: Fail if anything is wrong with the configuration files
  ansible.builtin.assert:
    that: ansible_facts.crio_configuration.findings == []
    fail_msg: "{{ ansible_facts.crio_configuration.findings | map(attribute='message') | join('; ') }}"

- name: Compare with the desired configuration
  cri.node.crio_config_facts:
    desired: "{{ crio_config }}"
    accept_keys: "{{ crio_accept_keys | default([]) }}"
  become: true

- name: Show keys that another file outranks
  ansible.builtin.debug:
    msg: >-
      {{ ansible_facts.crio_configuration.differences
         | selectattr('reason', 'equalto', 'outranked') | map(attribute='detail') }}
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to those of the host.
  returned: success
  type: dict
  contains:
    crio_configuration:
      description:
        - The configuration of CRI-O.
        - The name is not C(crio_config), which is a variable of the role P(cri.node.crio#role) that a fact would override.
      returned: success
      type: dict
      contains:
        version:
          description: The version of the installed CRI-O.
          returned: if CRI-O is installed
          type: str
          sample: 1.37.0
        config_path:
          description: The main configuration file of the daemon.
          returned: success
          type: str
          sample: /etc/crio/crio.conf
        config_directory:
          description: The folder of drop-ins of the daemon.
          returned: success
          type: str
          sample: /etc/crio/crio.conf.d
        files:
          description: The files that CRI-O reads, in its order. Values of later files override those of earlier ones.
          returned: success
          type: list
          elements: dict
          contains:
            path:
              description: The path of the file.
              returned: success
              type: str
              sample: /etc/crio/crio.conf.d/60-cri-node.conf
            managed:
              description: Whether a role of this collection wrote the file.
              returned: success
              type: bool
              sample: true
            role:
              description: The role that wrote the file.
              returned: for managed files
              type: str
              sample: crio
            target:
              description: The file behind the link.
              returned: if the path is a link
              type: str
              sample: /usr/share/crio/crio.conf.d/10-crio.conf
            mode:
              description: The mode of the file (of a link, that of its target), as four octal digits.
              returned: if the file exists
              type: str
              sample: "0644"
            uid:
              description: The numeric user ID of the owner.
              returned: if the file exists
              type: int
              sample: 0
            gid:
              description: The numeric group ID of the owner.
              returned: if the file exists
              type: int
              sample: 0
            size:
              description: The size of the file, in bytes.
              returned: if the file was read
              type: int
              sample: 412
            modified:
              description: When the content was last modified, in UTC.
              returned: if the file exists
              type: str
              sample: "2026-01-31T08:00:00Z"
            sha256:
              description: The SHA-256 of the content.
              returned: if every user can read the file, it is valid, and it sets no key that may be secret
              type: str
              sample: 0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8
            problem:
              description: Why the file was not merged, as the end of a sentence that starts with its path.
              returned: if the file was not merged
              type: str
              sample: "is not valid TOML: line 3: a key is not followed by an equals sign"
        effective:
          description:
            - Each key with its effective value, by its dotted name, for example C(crio.runtime.log_level). Keys without a known
              default are absent if nothing sets them.
            - A handler or a workload is replaced as a whole, so that its keys are empty if the last file does not set them.
          returned: success
          type: dict
          contains:
            KEY:
              description: The value of one key.
              returned: for each key
              type: dict
              contains:
                value:
                  description: The effective value, or V((secret\)).
                  returned: success
                  type: raw
                  sample: debug
                source:
                  description: The path of the file, the variable, or the option that set the value, or V(default).
                  returned: success
                  type: str
                  sample: /etc/crio/crio.conf.d/60-cri-node.conf
                source_type:
                  description: V(file), V(variable), V(option) or V(default).
                  returned: success
                  type: str
                  sample: file
                overridden:
                  description: The values that it replaced, each with its C(value) and its C(source), in the order of reading.
                  returned: success
                  type: list
                  elements: dict
                  sample: [{"source": "/etc/crio/crio.conf.d/10-crio.conf", "value": "info"}]
                merged_from:
                  description: All files of the value. Only C(crio.storage_option) is collected from several files.
                  returned: if the value comes from several files
                  type: list
                  elements: str
                adapted:
                  description: What CRI-O does to the value.
                  returned: if CRI-O uses another value than the one that was set
                  type: str
                  sample: CRI-O raises it to 30
        complete:
          description:
            - Whether everything was read and merged. If not, RV(ansible_facts.crio_configuration.findings) and
              RV(ansible_facts.crio_configuration.notes) show why, and the effective configuration ignores what is missing.
          returned: success
          type: bool
          sample: true
        live:
          description: The configuration that the running daemon reports on its socket.
          returned: success
          type: dict
          contains:
            available:
              description: Whether the daemon reported its configuration.
              returned: success
              type: bool
              sample: true
            reason:
              description: Why it did not.
              returned: if not available
              type: str
              sample: crio.service is inactive (dead)
            values:
              description: The values by dotted key.
              returned: if available
              type: dict
              sample: {"crio.runtime.log_level": "info"}
        differences:
          description: The keys whose desired, effective or live values differ, sorted by key. Secret keys are not compared.
          returned: success
          type: list
          elements: dict
          contains:
            key:
              description: The dotted key.
              returned: success
              type: str
              sample: crio.runtime.log_level
            reason:
              description:
                - One of the following. The first four only occur if O(desired) is set.
                - V(outranked) - A file has the desired value, but a later file, a variable or an option overrides it.
                - V(not_applied) - Nothing sets the desired value.
                - V(adapted) - CRI-O does not use the desired value as it is.
                - V(not_loaded) - The value was changed after the daemon was started.
                - V(option_dropped) - A reload has discarded an option or a variable of the daemon.
                - V(handler_ignored) - The running daemon does not have this handler.
                - V(printed_differently) - CRI-O completes or adapts the value, or reports it in another form.
                - V(not_printed) - The daemon does not report this key.
                - V(default_differs) - Nothing sets the key, and the daemon has another default than its version usually has.
                - V(unexplained) - The daemon may have been started with other files or options.
              returned: success
              type: str
              sample: not_loaded
            detail:
              description: One sentence without values.
              returned: success
              type: str
              sample: crio.runtime.log_level was changed after the running CRI-O was started, which has not loaded it
            desired:
              description: The desired value.
              returned: if O(desired) has the key
              type: raw
              sample: debug
            effective:
              description: The effective value.
              returned: if something sets the key, or it has a default
              type: raw
              sample: debug
            source:
              description: What sets the effective value, as in RV(ansible_facts.crio_configuration.effective.KEY.source).
              returned: if something sets the key, or it has a default
              type: str
              sample: /etc/crio/crio.conf.d/60-cri-node.conf
            live:
              description: The live value.
              returned: if the daemon reports the key
              type: raw
              sample: info
        findings:
          description: What is wrong or dangerous in the files and options.
          returned: success
          type: list
          elements: dict
          contains:
            path:
              description: The file, or an empty string for an option or a variable.
              returned: success
              type: str
              sample: /etc/crio/crio.conf.d/10-crio.conf.bak
            key:
              description: The dotted key, or an empty string.
              returned: success
              type: str
              sample: crio.runtime.log_level
            kind:
              description:
                - One of the following.
                - V(backup) - CRI-O reads a backup of an editor, of Ansible or of a person.
                - V(package_file) - CRI-O reads a file that a package manager kept, such as C(*.rpmsave) or C(*.dpkg-old).
                - V(not_toml) - The file is not valid TOML.
                - V(wrong_type) - A value has another type than CRI-O accepts.
                - V(not_a_file) - CRI-O tries to read a link to a folder, a FIFO or a device.
                - V(unreadable) - CRI-O cannot read the file, for example because it is a broken link.
                - V(missing) - An option or a variable names a file that does not exist.
                - V(denied) - This user cannot read the file.
                - V(limit) - The file is too large, or there are too many.
                - V(readable_secret) - A key that may be secret is in a file that every user can read.
                - V(overrides_ours) - Something overrides a key of a managed file.
                - V(replaced_entry) - A later file replaces a handler or a workload and does not set all of its keys.
                - V(unknown_key) - CRI-O does not know the key and ignores it.
                - V(written_twice) - A file sets a key twice, in different case.
                - V(dropped_by_reload) - A reload would discard an option or a variable of the daemon.
                - V(wrong_option) - CRI-O does not accept an option or a variable of the daemon.
                - V(more) - There are more findings than are listed.
              returned: success
              type: str
              sample: backup
            message:
              description: One sentence without values.
              returned: success
              type: str
              sample: >-
                CRI-O reads /etc/crio/crio.conf.d/10-crio.conf.bak, by its name a backup of 10-crio.conf, and its value of
                crio.runtime.log_level wins
        notes:
          description: What could not be read, for example without root.
          returned: success
          type: list
          elements: str
          sample: []
"""
