# Turns a text file into a C string constant named by -v symbol=NAME.
BEGIN { printf "#include \"gen/embed.h\"\nconst char %s[] =\n", symbol }
{ gsub(/\\/, "\\\\&"); gsub(/"/, "\\\""); gsub(/\?\?/, "?\"\"?"); printf "    \"%s\\n\"\n", $0 }
END { if (NR == 0) print "    \"\""; print "    ;" }
