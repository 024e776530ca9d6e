/// Rounds a product to an integer: rounded_o = round(product_i / 2^shift_i). Combinational.
/// Equals round_shift, and from the product on round_gemmlowp, of base/include/dyad/base/dyadic.hpp.
/// Page: docs/rtl/dyadic_round.md.
module dyadic_round #(
    /// 0 half_up, 1 half_even, 2 half_away, 3 floor, 4 gemmlowp.
    parameter int unsigned Rounding = 0,
    /// Bits of the product and of the result, 32 to 63, two's complement.
    parameter int unsigned ProductWidth = 63
) (
    /// Exact product, signed.
    input  logic [ProductWidth-1:0] product_i,
    /// Exponent of the divisor, 0 to 62. gemmlowp: 31 or less divides by 2^31 (saturating_shift has made up for the rest).
    input  logic [5:0]              shift_i,
    /// Rounded quotient, signed.
    output logic [ProductWidth-1:0] rounded_o
);
  if (Rounding > 4) begin : gen_bad_rounding
    $error("Rounding is 0 half_up, 1 half_even, 2 half_away, 3 floor or 4 gemmlowp");
  end
  if (ProductWidth < 32 || ProductWidth > 63) begin : gen_bad_width
    $error("ProductWidth is 32 to 63");
  end

  // The value to divide and the exponent that is left. One bit below the point is kept: the guard bit.
  localparam int unsigned Bits = 64;
  logic signed [Bits-1:0] doubled;
  logic [5:0]             shift;

  if (Rounding == 4) begin : gen_high
    // Doubling high multiply: half up by 2^31. What the sum needs beyond 63 bits is kept.
    logic signed [Bits-1:0] nudged, high;
    assign nudged  = Bits'($signed(product_i)) + (64'sd1 <<< 30);
    assign high    = nudged >>> 31;
    assign doubled = high <<< 1;
    assign shift   = (shift_i > 6'd31) ? shift_i - 6'd31 : 6'd0;
  end else begin : gen_exact
    assign doubled = Bits'($signed({product_i, 1'b0}));
    assign shift   = shift_i;
  end

  // Quotient and guard bit by one arithmetic shift; sticky says that the remainder is not just the guard bit.
  logic signed [Bits-1:0] shifted;
  logic [Bits-1:0]        half;
  logic                   guard;
  logic                   sticky;
  logic                   increment;
  assign shifted = doubled >>> shift;
  assign guard   = shifted[0];
  assign half    = 64'd1 << shift;
  assign sticky  = |(doubled & (half - 64'd1));

  if (Rounding == 0) begin : gen_half_up
    assign increment = guard;
    logic unused;
    assign unused = sticky;
  end else if (Rounding == 1) begin : gen_half_even
    assign increment = guard & (sticky | shifted[1]);
  end else if (Rounding == 3) begin : gen_floor
    assign increment = 1'b0;
    logic unused;
    assign unused = guard | sticky;
  end else begin : gen_half_away
    assign increment = guard & (sticky | ~doubled[Bits-1]);
  end

  logic [Bits-2:0] quotient;
  assign quotient  = shifted[Bits-1:1];
  assign rounded_o = ProductWidth'(quotient + 63'(increment));
endmodule
