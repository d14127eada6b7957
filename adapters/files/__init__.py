"""Files that a department drops into a folder: csv, xlsx, XML, fixed width.

A drop is taken when it is whole (`drops`), read row by row (`tables`, `workbooks`), checked, and put
into an index (`intake`, `index`) that answers questions by key (`transport`) until the next one is
ready. `sftp` fetches drops from elsewhere; `terms` is the grammar.
"""

from adapters.files.transport import FilesTransport

__all__ = ["FilesTransport"]
