"""Everything that answers: one module per outside world, all behind `chat.ports.Engine`.

http           our thin HTTP client: the one place that opens a connection
ndjson, sse    the two ways a stream of JSON objects is written on the wire
ollama*        an Ollama server: chat, management, errors, starting one
embedded*      llama.cpp in a child process, one per loaded model
gguf, registry what a GGUF file says about itself; which files the user registered
scripted       the fake with documented faults
catalog        one list of models over all engines
"""
