with builtins;
[ (seq 1 2) (deepSeq [ { a = 1; } ] 3) (seq { a = throw "not needed"; } 4) (break 5) (traceVerbose (throw "off") 6) (addErrorContext (throw "no error") 7) ]
