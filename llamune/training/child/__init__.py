"""What runs in a process of its own, sealed from the network: the only code that imports torch, transformers and peft.

It works on token numbers and on GGUF files. It knows no tokenizer and no template: the engine that will serve the model
made the numbers, so training and inference cannot differ in them.
"""
