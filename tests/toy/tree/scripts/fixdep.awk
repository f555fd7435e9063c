# SPDX-License-Identifier: GPL-2.0-or-later
# Reads the saved command, then what -MMD wrote; prints a .X.o.cmd file as fixdep does.
FNR == NR { print; sub(/^savedcmd_/, ""); object = $1; next }
{
	sub(/^[^:]*: /, ""); sub(/\\$/, "")
	for (i = 1; i <= NF; i++)
		if ($i != "include/generated/autoconf.h")
			file[n++] = $i
}
END {
	printf "\nsource_%s := %s\n\ndeps_%s := \\\n", object, file[0], object
	for (i = 1; i < n; i++)
		printf "  %s \\\n", file[i]
	printf "\n%s: $(deps_%s)\n\n$(deps_%s):\n", object, object, object
}
