# Prints the help of the Makefile, whose comments it reads:
#
#   ##@ Look around: what a running stack does     a section
#   clock: env ## the clock of the stack           a command, with what it does
#   #> make clock                                  an example; without one, it is the command alone
#   #> make clock BY=1d ## move it a day forward   another example, with what that does
#   #= BY  how far to move it: 90s or 1d           a variable of the command
#
# awk -f local/help.awk Makefile                                     all commands, by section
# awk -v command=clock -f local/help.awk Makefile                    one command, with its variables
# awk -v command=secret -v missing=APP -f local/help.awk Makefile    what a command lacks, with an example

BEGIN {
    WIDTH = 80
    INDENT = 32 # the column at which the text of a command begins
}

/^##@ / { section[count + 1] = substr($0, 5) }

/^[a-z][a-z0-9-]*:.* ## / {
    names[++count] = substr($0, 1, index($0, ":") - 1)
    place[names[count]] = count
    texts[count, 1] = after_mark($0)
}

/^#> / {
    examples[count, ++shown[count]] = before_mark(substr($0, 4))
    if (shown[count] > 1) texts[count, shown[count]] = after_mark($0)
}

/^#= / { variables[count, ++used[count]] = substr($0, 4) }

END {
    for (number = 1; number <= count; number++)
        if (!shown[number]) examples[number, ++shown[number]] = "make " names[number]
    if (missing) say_what_is_missing()
    else if (!command) show_all()
    else if (command in place) show(place[command])
    else refuse()
}

function before_mark(line) { return index(line, " ## ") ? substr(line, 1, index(line, " ## ") - 1) : line }

function after_mark(line) { return index(line, " ## ") ? substr(line, index(line, " ## ") + 4) : "" }

function show_all(    number) {
    print "The commands of Saxaul, in the order of a first hour. Each line can be pasted."
    print "The variables of a command: make help COMMAND=replay"
    for (number = 1; number <= count; number++) {
        if (number in section) print "\n" section[number]
        show_examples(number)
    }
}

function show(number,    variable) {
    show_examples(number)
    for (variable = 1; variable <= used[number]; variable++) print "    " variables[number, variable]
}

function say_what_is_missing() {
    gsub(/ /, ", ", missing)
    print "make " command " needs " missing ". For example:"
    print "  " examples[place[command], 1]
}

function refuse() {
    print "There is no command \"" command "\". All commands: make help" > "/dev/stderr"
    exit 1
}

function show_examples(number,    example) {
    for (example = 1; example <= shown[number]; example++)
        entry("  " examples[number, example], texts[number, example])
}

# Prints a line to paste with its text beside it, or below it if there is no room. Long texts are wrapped.
function entry(head, text,    words, number, word, line) {
    if (length(head) > INDENT - 2) { print head; head = "" }
    line = sprintf("%-" (INDENT - 1) "s", head)
    number = split(text, words, " ")
    for (word = 1; word <= number; word++) {
        if (length(line) + 1 + length(words[word]) > WIDTH) {
            print line
            line = sprintf("%-" (INDENT - 1) "s", "")
        }
        line = line " " words[word]
    }
    print line
}
