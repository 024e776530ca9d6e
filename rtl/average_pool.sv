/// Average of the elements of a window, as an integer: one element a cycle, one result a window, 4 cycles after its last element. Divides by
/// multiplication with an exact reciprocal, so that every rounding is that of the exact quotient.
/// Equals integer_average of base/include/dyad/base/dyadic.hpp where docs/rtl/average_pool.md says.
module average_pool #(
    /// 0 half_up, 1 half_away, 2 floor, 3 hawq (toward zero after adding 1/100).
    parameter int unsigned Rounding = 0,
    /// Bits of an element, 2 to 32, two's complement.
    parameter int unsigned DataWidth = 32
) (
    /// Clock.
    input  logic                 clk_i,
    /// Synchronous reset, active low.
    input  logic                 rst_ni,
    /// Elements of a window, at least 1. Held while windows are inside.
    input  logic [15:0]          count_i,
    /// ceil(2^reciprocal_shift_i / d), where d is 2 * count (half_up, half_away), count (floor) or 100 * count (hawq). Held like count_i.
    input  logic [40:0]          reciprocal_i,
    /// 40 + ceil(log2(d)).
    input  logic [5:0]           reciprocal_shift_i,
    /// An element is offered.
    input  logic                 in_valid_i,
    /// It is taken.
    output logic                 in_ready_o,
    /// Element, signed.
    input  logic [DataWidth-1:0] in_data_i,
    /// It is the first of its window ...
    input  logic                 in_first_i,
    /// ... or the last.
    input  logic                 in_last_i,
    /// A result is offered.
    output logic                 out_valid_o,
    /// It is taken.
    input  logic                 out_ready_i,
    /// Result, signed.
    output logic [31:0]          out_data_o
);

  if (Rounding > 3) begin : gen_bad_rounding
    $error("Rounding is 0 half_up, 1 half_away, 2 floor or 3 hawq");
  end

  // All stages move together, unless a result waits.
  logic advance;
  assign advance = !out_valid_o || out_ready_i;
  assign in_ready_o = advance;

  logic sum_valid_q, magnitude_valid_q, product_valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sum_valid_q       <= 1'b0;
      magnitude_valid_q <= 1'b0;
      product_valid_q   <= 1'b0;
      out_valid_o       <= 1'b0;
    end else if (advance) begin
      sum_valid_q       <= in_valid_i && in_last_i;
      magnitude_valid_q <= sum_valid_q;
      product_valid_q   <= magnitude_valid_q;
      out_valid_o       <= product_valid_q;
    end
  end

  // Stage 1: the sum.
  logic [31:0] sum_q;
  always_ff @(posedge clk_i) begin
    if (advance && in_valid_i) sum_q <= (in_first_i ? 32'd0 : sum_q) + 32'($signed(in_data_i));
  end

  // Stage 2: a magnitude x, so that the result is floor(x / d), its complement or its negative.
  logic signed [40:0] sum, count, numerator;
  logic               negative_d, negative_q;
  logic [39:0]        magnitude, magnitude_q;
  assign sum = 41'($signed(sum_q));
  assign count = {25'd0, count_i};
  always_comb begin
    case (Rounding)
      0: numerator = 41'sd2 * sum + count;
      1: numerator = 41'sd2 * (sum < 41'sd0 ? -sum : sum) + count;
      2: numerator = sum;
      default: numerator = 41'sd100 * sum + count;
    endcase
  end
  // Toward minus infinity (half_up, floor): floor(n / d) = ~floor(~n / d) for n < 0. Toward zero: the sign stands apart.
  assign negative_d = Rounding == 1 ? sum < 41'sd0 : numerator < 41'sd0;
  assign magnitude = 40'(Rounding == 1 || !negative_d ? numerator : Rounding == 3 ? -numerator : ~numerator);
  always_ff @(posedge clk_i) begin
    if (advance && sum_valid_q) begin
      magnitude_q <= magnitude;
      negative_q  <= negative_d;
    end
  end

  // Stage 3: times the reciprocal.
  logic [80:0] product_q;
  logic        product_negative_q;
  always_ff @(posedge clk_i) begin
    if (advance && magnitude_valid_q) begin
      product_q          <= 81'(magnitude_q) * 81'(reciprocal_i);
      product_negative_q <= negative_q;
    end
  end

  // Stage 4: the quotient and its sign.
  logic [31:0] quotient;
  assign quotient = 32'(product_q >> reciprocal_shift_i);
  always_ff @(posedge clk_i) begin
    if (advance && product_valid_q)
      out_data_o <= !product_negative_q ? quotient : Rounding == 1 || Rounding == 3 ? -quotient : ~quotient;
  end

`ifdef FORMAL
  `include "average_pool_props.svh"
`endif

endmodule
