#include <stdio.h>
#include <unistd.h>
int ModuleEntry(void *library) {
    for (int k = 0; k < 8; k++)
        if (fork() == 0)
            for (;;) pause();
    for (;;) puts("and I say it again, and again, and again");
}
