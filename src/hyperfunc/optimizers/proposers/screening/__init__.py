"""Screening: what a proposed text must not carry over from the data it was written from."""

from .corpus import Corpus as Corpus
from .corpus import texts_of as texts_of
from .screen import Screen as Screen
