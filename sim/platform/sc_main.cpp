// SPDX-License-Identifier: Apache-2.0
#include <systemc>

/// SystemC's library needs one to link; programs have a main of their own and elaborate where they like.
int sc_main(int /*argc*/, char ** /*argv*/) { return 0; }
