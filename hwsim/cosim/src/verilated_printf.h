// Declares what VL_PRINTF names; included before Verilator's own sources.
#pragma once
extern "C" int dyad_verilated_printf(const char* format, ...);
