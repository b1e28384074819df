# Writes the assembler (x86-64, System V) by which functions of some shared libraries are bound at
# their first call instead of when the program starts: half of the start would go into libraries that
# `diner help` or `pipeline lint` never call. Input: lines "SONAME FUNCTION". Each function becomes a
# jump through a slot; the slot first leads to lazy_resolve (lib/lazy.c), which fills the slots of the
# whole library. Vendor headers stay as they are, and no caller knows.
BEGIN {
    n = libraries = 0 # unset they are the subscript ""
    print "\t.text"
}
{
    if (!($1 in index_of)) {
        index_of[$1] = libraries
        soname[libraries++] = $1
    }
    library[n] = index_of[$1]
    name[n] = $2
    printf "\t.globl %s\n\t.type %s, @function\n%s:\n", $2, $2, $2
    printf "\tendbr64\n\tjmp *lazy_slots+%d(%%rip)\n\t.size %s, . - %s\n", 8 * n, $2, $2
    printf "lazy_first_%d:\n\tendbr64\n\tpushq $%d\n\tjmp lazy_common\n", n, n
    n++
}
END {
    # What a call may pass in registers is kept; two pushes and these keep the stack aligned.
    split("rax rdi rsi rdx rcx r8 r9 r10", saved, " ")
    print "lazy_common:"
    for (i = 1; i <= 8; i++)
        printf "\tpushq %%%s\n", saved[i]
    print "\tsubq $128, %rsp"
    for (i = 0; i < 8; i++)
        printf "\tmovaps %%xmm%d, %d(%%rsp)\n", i, 16 * i
    print "\tmovl 192(%rsp), %edi\n\tcall lazy_resolve\n\tmovq %rax, %r11"
    for (i = 0; i < 8; i++)
        printf "\tmovaps %d(%%rsp), %%xmm%d\n", 16 * i, i
    print "\taddq $128, %rsp"
    for (i = 8; i >= 1; i--)
        printf "\tpopq %%%s\n", saved[i]
    print "\taddq $8, %rsp\n\tjmp *%r11"

    print "\t.data\n\t.balign 8\n\t.globl lazy_slots\nlazy_slots:"
    for (i = 0; i < n; i++)
        printf "\t.quad lazy_first_%d\n", i
    print "\t.globl lazy_names\nlazy_names:"
    for (i = 0; i < n; i++)
        printf "\t.quad lazy_name_%d\n", i
    print "\t.quad 0\n\t.globl lazy_sonames\nlazy_sonames:"
    for (i = 0; i < libraries; i++)
        printf "\t.quad lazy_soname_%d\n", i
    print "\t.globl lazy_library_of\nlazy_library_of:"
    for (i = 0; i < n; i++)
        printf "\t.byte %d\n", library[i]
    print "\t.section .rodata"
    for (i = 0; i < n; i++)
        printf "lazy_name_%d:\n\t.asciz \"%s\"\n", i, name[i]
    for (i = 0; i < libraries; i++)
        printf "lazy_soname_%d:\n\t.asciz \"%s\"\n", i, soname[i]
    print "\t.section .note.GNU-stack,\"\",@progbits"
}
