from .broker import (
    last_log_lines as last_log_lines,
    make_secrets as make_secrets,
    start_broker as start_broker,
    wait_for_broker as wait_for_broker,
)
from .folder import (
    Folder as Folder,
    Note as Note,
    find_instance as find_instance,
    nearest_folder as nearest_folder,
    person as person,
    read_note as read_note,
    running_instances as running_instances,
    without_password as without_password,
)
from .settings import (
    FILE as FILE,
    FileSettings as FileSettings,
    load_settings as load_settings,
    points_kept as points_kept,
)
from .stamp import FolderStamp as FolderStamp, read_stamp as read_stamp
