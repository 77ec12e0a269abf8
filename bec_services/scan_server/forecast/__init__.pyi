from .outlook import Outlook as Outlook
