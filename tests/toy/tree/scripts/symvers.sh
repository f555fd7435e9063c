# SPDX-License-Identifier: GPL-2.0-or-later
# From `objdump -t vmlinux` to the lines of Module.symvers.
awk '
	{ name = $NF }
	sub(/^__ksymtab_/, "", name) {
		gpl = /___ksymtab_gpl\+/ ? "_GPL" : ""
		printf "0x00000000\t%s\tvmlinux\tEXPORT_SYMBOL%s\t\n", name, gpl
	}
' | sort
