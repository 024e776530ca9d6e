/// Multiplies an accumulator by 2^(31 - shift_i) where shift_i is below 31, saturating at 32 bits. Combinational.
/// The first step of gemmlowp's rounding (round_gemmlowp of base/include/dyad/base/dyadic.hpp). Page: docs/rtl/saturating_shift.md.
module saturating_shift #(
    /// Bits of the accumulator, 2 to 32, two's complement.
    parameter int unsigned AccWidth = 32
) (
    /// Accumulator, signed.
    input  logic [AccWidth-1:0] acc_i,
    /// Exponent of the divisor that follows, 0 to 62; 31 and above leave the accumulator as it is.
    input  logic [5:0]          shift_i,
    /// acc_i * 2^max(31 - shift_i, 0), saturated to 32 bits, signed.
    output logic [31:0]         value_o
);
  if (AccWidth < 2 || AccWidth > 32) begin : gen_bad_width
    $error("AccWidth is 2 to 32");
  end

  logic [4:0]         left;
  logic signed [62:0] shifted;
  logic               fits;
  assign left    = (shift_i < 6'd31) ? 5'd31 - shift_i[4:0] : 5'd0;
  assign shifted = 63'($signed(acc_i)) <<< left;
  // All bits from 31 up are the sign: the value is a 32-bit one.
  assign fits    = (&shifted[62:31]) | ~(|shifted[62:31]);
  assign value_o = fits ? shifted[31:0] : {shifted[62], {31{~shifted[62]}}};
endmodule
