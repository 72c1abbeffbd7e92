// Prints how Go maps every code point: what strings.ToLower makes of it, and what unicode.SimpleFold says comes after
// it among those that strings.EqualFold takes for the same. As ranges [first, last, step, difference]; what stays as
// it is has none.
package main

import (
	"encoding/json"
	"os"
	"strings"
	"unicode"
)

type ranges [][4]rune

func collect(of func(rune) rune) ranges {
	found := ranges{}
	open := map[rune]int{}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if 0xD800 <= r && r <= 0xDFFF {
			continue
		}
		delta := of(r) - r
		if delta == 0 {
			continue
		}
		if at, ok := open[delta]; ok {
			last := &found[at]
			step := r - last[1]
			if step <= 2 && (last[2] == step || last[0] == last[1]) {
				last[1], last[2] = r, step
				continue
			}
		}
		open[delta] = len(found)
		found = append(found, [4]rune{r, r, 1, delta})
	}
	return found
}

func lower(r rune) rune {
	return []rune(strings.ToLower(string(r)))[0]
}

// The member of an orbit that stands for all of it: the ASCII letter in lower case if there is one, else the smallest.
func representative(r rune) rune {
	smallest := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		smallest = min(smallest, next)
	}
	if 'A' <= smallest && smallest <= 'Z' {
		return smallest + 'a' - 'A'
	}
	return smallest
}

func main() {
	tables := map[string]any{"unicode": unicode.Version, "lower": collect(lower)}
	if len(os.Args) > 1 && os.Args[1] == "recording" {
		tables["simple_fold"] = collect(unicode.SimpleFold)
	} else {
		tables["fold"] = collect(representative)
	}
	if err := json.NewEncoder(os.Stdout).Encode(tables); err != nil {
		panic(err)
	}
}
