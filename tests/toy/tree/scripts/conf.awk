# SPDX-License-Identifier: GPL-2.0-or-later
# allnoconfig for a subset of the Kconfig language: config, bool, int, def_bool, default,
# depends on (A && !B), select, source. Writes .config, auto.conf and autoconf.h.
function fault(what) {
	printf "%s:%d: %s\n", FILE, line, what > "/dev/stderr"
	failed = 1
	exit 1
}
function read(path, text, keep, at) {
	keep = FILE; at = line; FILE = path; line = 0
	while ((getline text < path) > 0) {
		line++
		statement(text)
	}
	close(path); FILE = keep; line = at
}
function statement(text, word) {
	if (text ~ /^[ \t]*(#|$)/ || text ~ /^mainmenu /)
		return
	split(text, word, " ")
	if (word[1] == "source") {
		gsub(/"/, "", word[2]); gsub(/\$\(ARCH\)/, ENVIRON["ARCH"], word[2])
		read(srctree "/" word[2])
	} else if (word[1] == "config") {
		name = word[2]; names[++count] = name; type[name] = ""; preset[name] = "n"
	} else if (word[1] == "bool" || word[1] == "int" || word[1] == "string") {
		type[name] = word[1]; asked[name] = (word[2] != "")
	} else if (word[1] == "def_bool") {
		type[name] = "bool"; preset[name] = word[2]
	} else if (word[1] == "default") {
		if (type[name] != "bool") preset[name] = word[2]
	} else if (word[1] == "depends") {
		sub(/^[ \t]*depends on /, "", text); needs[name] = text
	} else if (word[1] == "select") {
		selects[name] = selects[name] " " word[2]
	} else
		fault("unknown statement \"" word[1] "\"")
}
function met(name, term, n, i, negated) {
	n = split(needs[name], term, " && ")
	for (i = 1; i <= n; i++) {
		negated = sub(/^!/, "", term[i])
		if ((value[term[i]] == "y") == negated)
			return 0
	}
	return 1
}
BEGIN {
	FILE = ARGV[1]
	read(ARGV[1])
	while (allconfig != "" && (getline text < allconfig) > 0)
		if (match(text, /^CONFIG_[A-Za-z0-9_]+=/))
			wanted[substr(text, 8, RLENGTH - 8)] = substr(text, RLENGTH + 1)
	for (i = 1; i <= count; i++) {
		name = names[i]
		if (!met(name)) { hidden[name] = 1; continue }
		value[name] = preset[name]
		if (asked[name] && (name in wanted)) value[name] = wanted[name]
	}
	for (i = 1; i <= count; i++) {
		n = split(value[names[i]] == "y" ? selects[names[i]] : "", chosen, " ")
		for (j = 1; j <= n; j++) {
			if (!met(chosen[j]))
				printf "\nWARNING: unmet direct dependencies detected for %s\n  Depends on [n]: %s\n  Selected by [y]:\n  - %s [=y]\n", chosen[j], needs[chosen[j]], names[i] > "/dev/stderr"
			value[chosen[j]] = "y"; delete hidden[chosen[j]]
		}
	}
	printf "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/%s 7.2.0 Kernel Configuration\n#\n", ENVIRON["ARCH"] > ".config.new"
	printf "CONFIG_CC_VERSION_TEXT=\"%s\"\nCONFIG_LD_VERSION=24000\n", ENVIRON["CC_VERSION"] > ".config.new"
	printf "" > "include/config/auto.conf.new"
	printf "" > "include/generated/autoconf.h.new"
	for (i = 1; i <= count; i++) {
		name = names[i]
		if (hidden[name]) continue
		if (value[name] == "n") {
			printf "# CONFIG_%s is not set\n", name > ".config.new"
			continue
		}
		printf "CONFIG_%s=%s\n", name, value[name] > ".config.new"
		printf "CONFIG_%s=%s\n", name, value[name] > "include/config/auto.conf.new"
		printf "#define CONFIG_%s %s\n", name, value[name] == "y" ? 1 : value[name] > "include/generated/autoconf.h.new"
	}
	exit failed
}
