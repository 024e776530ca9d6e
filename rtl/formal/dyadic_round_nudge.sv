/// A second rounder, for proofs: adds a nudge, then shifts, as the definitions of the modes are usually written.
module dyadic_round_nudge #(
    /// As dyadic_round.
    parameter int unsigned Rounding = 0,
    /// As dyadic_round.
    parameter int unsigned ProductWidth = 63
) (
    /// As dyadic_round.
    input  logic [ProductWidth-1:0] product_i,
    /// As dyadic_round.
    input  logic [5:0]              shift_i,
    /// As dyadic_round.
    output logic [ProductWidth-1:0] rounded_o
);
  localparam int unsigned Bits = 66;
  logic signed [Bits-1:0] product, half, nudge, sum, quotient;
  assign product = Bits'($signed(product_i));

  if (Rounding == 4) begin : gen_gemmlowp
    // gemmlowp in C: SaturatingRoundingDoublingHighMul (a nudge by sign, then a division that truncates), then RoundingDivideByPOT.
    logic signed [Bits-1:0] nudged, high, mask, remainder, threshold;
    logic [5:0]             exponent;
    assign nudged    = product + ((product >= 66'sd0) ? 66'sd1073741824 : -66'sd1073741823);
    assign high      = (nudged >= 66'sd0) ? (nudged >>> 31) : -((-nudged) >>> 31);
    assign exponent  = (shift_i > 6'd31) ? shift_i - 6'd31 : 6'd0;
    assign mask      = (66'sd1 <<< exponent) - 66'sd1;
    assign remainder = high & mask;
    assign threshold = (mask >>> 1) + ((high < 66'sd0) ? 66'sd1 : 66'sd0);
    assign half      = '0;
    assign nudge     = '0;
    assign sum       = high >>> exponent;
    assign quotient  = (remainder > threshold) ? sum + 66'sd1 : sum;
  end else begin : gen_once
    assign half = (66'sd1 <<< shift_i) >>> 1;
    if (Rounding == 0) begin : gen_half_up
      assign nudge = half;
    end else if (Rounding == 1) begin : gen_half_even
      // Half less one, plus the quotient's lowest bit; nothing to add for a shift of zero.
      logic signed [Bits-1:0] floor;
      assign floor = product >>> shift_i;
      assign nudge = (shift_i == 6'd0) ? '0 : half - 66'sd1 + (floor[0] ? 66'sd1 : 66'sd0);
    end else if (Rounding == 2) begin : gen_half_away
      assign nudge = (shift_i != 6'd0 && product < 66'sd0) ? half - 66'sd1 : half;
    end else begin : gen_floor
      assign nudge = '0;
    end
    assign sum      = product + nudge;
    assign quotient = sum >>> shift_i;
  end
  assign rounded_o = quotient[ProductWidth-1:0];
endmodule
