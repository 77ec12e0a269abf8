from .advisor import Question as Question, answer_questions as answer_questions
from .expiry import expiring as expiring
from .life import (
    Life as Life,
    LifeOver as LifeOver,
    askers as askers,
    serve as serve,
    tell as tell,
    unfinished as unfinished,
)
from .logging import open_journal as open_journal
from .requests import LATER as LATER, Request as Request, RequestServer as RequestServer
