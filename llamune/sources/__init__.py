"""Readers: files, mails and source code become `Document`s. Used by knowledge and by training; knows neither."""
