# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Returns the result of a module."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.warnings import get_deprecation_messages, get_warning_messages

_LONGEST_MESSAGE = 4000  # characters


def exit_with(module: AnsibleModule, changed: bool = False, **result: Any) -> NoReturn:
    """Print the result as AnsibleModule.exit_json does, and exit. result: plain data that JSON can represent.

    exit_json compares every value with those of the module's no_log options. For the facts of 300 containers that takes half as
    long as crictl does, even if the module has no such option. So it is used only if it has something to add.

    An interpreter that ends searches all its modules for garbage. That takes about 10 ms and frees what the kernel frees a moment
    later anyway, so the search is given nothing to look at.
    """
    gc.freeze()
    if module.no_log_values or get_warning_messages() or get_deprecation_messages():
        module.exit_json(changed=changed, **result)
    module.do_cleanup_files()
    result.update(changed=changed, invocation={"module_args": module.params})
    sys.stdout.write(f"\n{json.dumps(result)}\n")
    raise SystemExit(0)


def answer(module: AnsibleModule, doing: str, perform: Callable[[AnsibleModule], dict[str, Any]]) -> None:
    """Exit with the result of `perform`, or fail with the one printable line of its NodeError or OSError.

    doing: what failed if the operating system refuses something, such as "installing the bundle".
    """
    # A facts module, which has its own errors, does not compile these.
    from .errors import NodeError
    from .os_errors import os_error
    from .text import shown

    try:
        result = perform(module)
    except NodeError as error:
        failure = str(error)
    except OSError as error:
        failure = os_error(error, doing)
    else:
        exit_with(module, **result)
    # Outside of the handlers: inside, some versions of Ansible add the traceback of all exceptions before it.
    module.fail_json(msg=shown(failure, _LONGEST_MESSAGE))
