/// The argument of average_divider at small widths, all at once: for any count n, c = ceil(log2 n), k = Bits + c, multiplier m = ceil(2^k / n)
/// and dividend x below 2^Bits, (x * m) >> k is the quotient of x and n.
module reciprocal_lemma #(
    /// Bits of the dividend.
    parameter int unsigned Bits = 7,
    /// Bits of the count.
    parameter int unsigned CountBits = 4
) (
    /// Dividend, free.
    input logic [Bits-1:0]      dividend_i,
    /// Count, free from 1.
    input logic [CountBits-1:0] count_i,
    /// Reciprocal, assumed to be the rounded-up one.
    input logic [Bits:0]        multiplier_i
);
  localparam int unsigned Wide = 2 * Bits + CountBits + 2;
  logic [CountBits-1:0] below;
  logic [4:0]           log;
  logic [Wide-1:0]      power, excess, quotient, bottom, dividend;
  assign below = count_i - CountBits'(1);
  // ceil(log2(count)): the bits of count - 1.
  always @* begin
    log = 5'd0;
    for (int i = 0; i < CountBits; i++) if (below[i]) log = 5'(i) + 5'd1;
  end
  assign power    = Wide'(1) << (Bits + 32'(log));
  assign excess   = Wide'(multiplier_i) * Wide'(count_i) - power;
  assign dividend = Wide'(dividend_i);
  assign quotient = (dividend * Wide'(multiplier_i)) >> (Bits + 32'(log));
  assign bottom   = quotient * Wide'(count_i);
  always @* begin
    assume (count_i != '0);
    assume (excess < Wide'(count_i));
    a_quotient: assert (bottom <= dividend && dividend < bottom + Wide'(count_i));
  end
endmodule
