/// Divides sums by a count, as a multiplication by the count's reciprocal that is exact: y = clamp(round(sum / count), lowest, highest).
/// One result a cycle, 3 cycles of latency, back-pressure without loss. Equals integer_average of base/include/dyad/base/dyadic.hpp; what
/// multiplier, shift and offsets a count needs, and for which sums they are exact: dyad/cosim/average_reciprocal.hpp.
/// Page: docs/rtl/average_divider.md.
module average_divider #(
    /// 0 half_up, 1 half_away, 2 floor, 3 hawq.
    parameter int unsigned Rounding = 0,
    /// Bits of the bounds and of the result, 2 to 32, two's complement.
    parameter int unsigned OutWidth = 32
) (
    /// Clock.
    input  logic                clk_i,
    /// Synchronous reset, active low.
    input  logic                rst_ni,
    /// A sum is offered.
    input  logic                in_valid_i,
    /// The sum is taken.
    output logic                in_ready_o,
    /// Sum, signed; |sum| + in_offset_i < 2^31.
    input  logic [31:0]         in_sum_i,
    /// Reciprocal of the count, times 2^in_shift_i, rounded up; unsigned.
    input  logic [31:0]         in_multiplier_i,
    /// Exponent of the reciprocal, 31 to 62.
    input  logic [5:0]          in_shift_i,
    /// Added to the sum (half_up) or its magnitude (half_away; hawq, sums of 0 and more); floor ignores it.
    input  logic [15:0]         in_offset_i,
    /// hawq: taken off the magnitude of a negative sum, down to 0; others ignore it.
    input  logic [15:0]         in_negative_offset_i,
    /// Smallest result, signed; at most in_highest_i.
    input  logic [OutWidth-1:0] in_lowest_i,
    /// Largest result, signed.
    input  logic [OutWidth-1:0] in_highest_i,
    /// A result is offered.
    output logic                out_valid_o,
    /// The result is taken.
    input  logic                out_ready_i,
    /// Result, signed.
    output logic [OutWidth-1:0] out_data_o
);
  if (Rounding > 3) begin : gen_bad_rounding
    $error("Rounding is 0 half_up, 1 half_away, 2 floor or 3 hawq");
  end

  // Handshake: a stage loads when it is empty or its successor takes what it holds.
  logic dividend_valid_q, product_valid_q, clamped_valid_q;
  logic dividend_ready, product_ready, clamped_ready;
  assign clamped_ready  = ~clamped_valid_q | out_ready_i;
  assign product_ready  = ~product_valid_q | clamped_ready;
  assign dividend_ready = ~dividend_valid_q | product_ready;
  assign in_ready_o     = dividend_ready;
  assign out_valid_o    = clamped_valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      dividend_valid_q <= 1'b0;
      product_valid_q  <= 1'b0;
      clamped_valid_q  <= 1'b0;
    end else begin
      if (dividend_ready) dividend_valid_q <= in_valid_i;
      if (product_ready) product_valid_q <= dividend_valid_q;
      if (clamped_ready) clamped_valid_q <= product_valid_q;
    end
  end

  // Stage 1: a dividend of 0 or more, and what is done to the quotient: nothing, or ~ (floor of a negative number: ~(~n / d)), or -.
  logic [31:0] sum_or_biased, magnitude;
  logic [30:0] dividend_d, dividend_q;
  logic        negative_d, dividend_negative_q;
  if (Rounding == 0 || Rounding == 2) begin : gen_floor
    assign sum_or_biased = (Rounding == 0) ? in_sum_i + 32'(in_offset_i) : in_sum_i;
    assign negative_d    = sum_or_biased[31];
    assign magnitude     = negative_d ? ~sum_or_biased : sum_or_biased;
    assign dividend_d    = magnitude[30:0];
    logic unused;
    assign unused = ^{in_offset_i, in_negative_offset_i, magnitude[31]};
  end else begin : gen_magnitude
    logic [31:0] raised, lowered;
    assign sum_or_biased = in_sum_i;
    assign negative_d    = in_sum_i[31];
    assign magnitude     = negative_d ? -sum_or_biased : sum_or_biased;
    assign raised        = magnitude + 32'(in_offset_i);
    assign lowered       = (magnitude < 32'(in_negative_offset_i)) ? 32'd0 : magnitude - 32'(in_negative_offset_i);
    assign dividend_d    = (Rounding == 3 && negative_d) ? lowered[30:0] : raised[30:0];
    logic unused;
    assign unused = ^{raised[31], lowered};
  end

  logic [31:0]         dividend_multiplier_q;
  logic [5:0]          dividend_shift_q;
  logic [OutWidth-1:0] dividend_lowest_q, dividend_highest_q;
  always_ff @(posedge clk_i) begin
    if (dividend_ready) begin
      dividend_q            <= dividend_d;
      dividend_negative_q   <= negative_d;
      dividend_multiplier_q <= in_multiplier_i;
      dividend_shift_q      <= in_shift_i;
      dividend_lowest_q     <= in_lowest_i;
      dividend_highest_q    <= in_highest_i;
    end
  end

  // Stage 2: the product.
  logic [62:0]         product_d, product_q;
  logic                product_negative_q;
  logic [5:0]          product_shift_q;
  logic [OutWidth-1:0] product_lowest_q, product_highest_q;
  assign product_d = 63'(dividend_q) * 63'(dividend_multiplier_q);
  always_ff @(posedge clk_i) begin
    if (product_ready) begin
      product_q          <= product_d;
      product_negative_q <= dividend_negative_q;
      product_shift_q    <= dividend_shift_q;
      product_lowest_q   <= dividend_lowest_q;
      product_highest_q  <= dividend_highest_q;
    end
  end

  // Stage 3: quotient, sign and clamp. The quotient is at most the dividend: 31 bits.
  logic [62:0]         quotient;
  logic [31:0]         signed_quotient;
  logic [OutWidth-1:0] clamped_d, clamped_q;
  assign quotient = product_q >> product_shift_q;
  if (Rounding == 0 || Rounding == 2) begin : gen_complement
    assign signed_quotient = product_negative_q ? ~quotient[31:0] : quotient[31:0];
  end else begin : gen_negate
    assign signed_quotient = product_negative_q ? -quotient[31:0] : quotient[31:0];
  end
  logic unused_quotient;
  assign unused_quotient = ^quotient[62:32];

  dyadic_clamp #(.ValueWidth(32), .OutWidth(OutWidth)) u_clamp (
      .value_i     (signed_quotient),
      .zero_point_i(32'd0),
      .lowest_i    (product_lowest_q),
      .highest_i   (product_highest_q),
      .data_o      (clamped_d)
  );
  always_ff @(posedge clk_i) begin
    if (clamped_ready) clamped_q <= clamped_d;
  end
  assign out_data_o = clamped_q;

`ifdef FORMAL_PIPELINE
  `include "average_divider_props.svh"
`endif
endmodule
