"""The commands of the command line: a module each, with `arguments(parser)` and `run(options)`.

A module is imported only when its command is used, so that `attnc check` needs no torch. What a
command needs torch or tvm for, it imports inside `run`.
"""

COMMANDS = {
    "check": "parse a spec, check its types, prove its assertions for every length",
    "compile": "compile a spec and write an artifact",
    "emit": "print one stage of the compilation",
    "analyze": "what a pattern costs: sparsity, tiles, flops, bytes, cache bound",
    "verify": "compare the compiled kernel with the float64 reference on random inputs",
    "bench": "time the compiled kernel against PyTorch's, in turns",
    "plot": "draw the mask with its tiles",
    "view": "write a page that draws the mask and has sliders for its parameters",
    "equal": "prove two specs equal for every length, or show where they differ",
    "fmt": "format specs",
    "list": "list the shipped specs",
    "cache": "show or clear the cache of compiled kernels",
}
