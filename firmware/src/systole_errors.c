/* SPDX-License-Identifier: Apache-2.0 */
/* Names and sentences of the accelerator's errors, from the specification. In a file of its own: strings for those who print them. */
#include "systole.h"
#include "systole_regs.h"

const char *systole_error_name(uint32_t code)
{
    switch (code) {
#define NAME(name, result, sentence) \
    case SYSTOLE_ERROR_##name: return #name;
        SYSTOLE_ERRORS(NAME)
#undef NAME
        default: return "?";
    }
}

const char *systole_error_text(uint32_t code)
{
    switch (code) {
#define SENTENCE(name, result, sentence) \
    case SYSTOLE_ERROR_##name: return sentence;
        SYSTOLE_ERRORS(SENTENCE)
#undef SENTENCE
        default: return "an error that this driver does not know";
    }
}
