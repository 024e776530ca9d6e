/// One bit-serial dot-product unit: AND of two bit planes, count of the ones, shift, accumulate.
///
/// A pair is Depth bits of one activation plane and Depth bits of one weight plane. With p the number of positions where both bits are 1,
/// a pair makes   acc = (in_first_i ? 0 : in_shift_i ? 2 * acc : acc) + (in_negate_i ? -p : p)   modulo 2^32.
/// Pipeline: counts of 64-bit groups | count of the pair | accumulator. A pair presented in cycle t is part of out_acc_o from cycle t + 3.
module bit_serial_dpu #(
    /// Bits of a word of a plane; at least 1.
    parameter int unsigned Depth = 256
) (
    /// Clock.
    input logic clk_i,
    /// Reset, synchronous, active low. It empties the pipeline; out_acc_o is meaningless until the first pair with in_first_i arrives.
    input logic rst_ni,
    /// A pair of words is present.
    input logic in_valid_i,
    /// The accumulator restarts with this pair.
    input logic in_first_i,
    /// The accumulator doubles before this pair is added (first pair of the next diagonal of planes). Ignored with in_first_i.
    input logic in_shift_i,
    /// The pair is subtracted: exactly one of the two planes is a sign plane.
    input logic in_negate_i,
    /// Word of the activation plane.
    input logic [Depth-1:0] in_activations_i,
    /// Word of the weight plane.
    input logic [Depth-1:0] in_weights_i,
    /// The accumulator, two's complement.
    output logic [31:0] out_acc_o
);
  if (Depth < 1 || Depth > 65536) begin : gen_bad_depth
    $error("bit_serial_dpu: Depth must be in 1..65536");
  end

  localparam int unsigned Groups = (Depth + 63) / 64;
  localparam int unsigned CountWidth = $clog2(Depth + 1);

  // Ones of a group, as an adder tree in place: fields of 2, 4, 8 ... bits. The masked bits are constant, so that no carry passes a field.
  function automatic logic [6:0] count_ones(input logic [63:0] bits);
    logic [63:0] fields;
    fields = bits - ((bits >> 1) & 64'h5555_5555_5555_5555);
    fields = (fields & 64'h3333_3333_3333_3333) + ((fields >> 2) & 64'h3333_3333_3333_3333);
    fields = (fields + (fields >> 4)) & 64'h0f0f_0f0f_0f0f_0f0f;
    fields = fields + (fields >> 8);
    fields = fields + (fields >> 16);
    fields = fields + (fields >> 32);
    count_ones = fields[6:0];
  endfunction

  logic [Groups*64-1:0] both;
  logic [Groups*7-1:0] group_counts_d, group_counts_q;
  logic [CountWidth-1:0] count_d, count_q;
  logic [31:0] base, addend, acc_d, acc_q;
  logic grouped_valid_q, grouped_first_q, grouped_shift_q, grouped_negate_q;
  logic counted_valid_q, counted_first_q, counted_shift_q, counted_negate_q;

  always_comb begin
    both = '0;
    both[Depth-1:0] = in_activations_i & in_weights_i;
    for (int unsigned g = 0; g < Groups; g = g + 1) begin
      group_counts_d[g*7+:7] = count_ones(both[g*64+:64]);
    end
  end

  always_comb begin
    count_d = '0;
    for (int unsigned g = 0; g < Groups; g = g + 1) begin
      count_d = count_d + CountWidth'(group_counts_q[g*7+:7]);
    end
  end

  always_comb begin
    base = counted_shift_q ? {acc_q[30:0], 1'b0} : acc_q;
    if (counted_first_q) base = 32'd0;
    addend = 32'(count_q);
    acc_d = counted_negate_q ? base - addend : base + addend;
  end

  always_ff @(posedge clk_i) begin
    grouped_valid_q <= rst_ni && in_valid_i;
    counted_valid_q <= rst_ni && grouped_valid_q;
    if (in_valid_i) begin
      group_counts_q <= group_counts_d;
      grouped_first_q <= in_first_i;
      grouped_shift_q <= in_shift_i;
      grouped_negate_q <= in_negate_i;
    end
    if (grouped_valid_q) begin
      count_q <= count_d;
      counted_first_q <= grouped_first_q;
      counted_shift_q <= grouped_shift_q;
      counted_negate_q <= grouped_negate_q;
    end
    if (counted_valid_q) acc_q <= acc_d;
  end

  assign out_acc_o = acc_q;

`ifdef FORMAL
  `include "bit_serial_dpu_props.svh"
`endif

endmodule
