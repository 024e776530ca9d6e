/// One dot-product unit of apot_array: WordBits / 8 shift-add multipliers (apot_pe), a sum and an accumulator.
///
/// acc = (in_first_i ? 0 : acc) + sum of activation[i] * value(code[i])   modulo 2^32.
/// Pipeline: sums of groups of four products | sum of the word | accumulator. A word presented in cycle t is part of out_acc_o from cycle t + 3.
module apot_dot #(
    /// Bits of an operand word: a multiple of 8, at most 1024; element 0 in the lowest 8 bits.
    parameter int unsigned WordBits = 128
) (
    /// Clock.
    input logic clk_i,
    /// Reset, synchronous, active low. It empties the pipeline; out_acc_o is meaningless until the first pair with in_first_i arrives.
    input logic rst_ni,
    /// A pair of words is present.
    input logic in_valid_i,
    /// The accumulator restarts with this pair.
    input logic in_first_i,
    /// Activations are two's complement.
    input logic in_activation_signed_i,
    /// Activations of 8 bits.
    input logic [WordBits-1:0] in_activations_i,
    /// Weight codes of 8 bits (apot_pe).
    input logic [WordBits-1:0] in_weights_i,
    /// The accumulator, two's complement.
    output logic [31:0] out_acc_o
);
  localparam int unsigned Elements = WordBits / 8;
  localparam int unsigned Groups = (Elements + 3) / 4;
  localparam int unsigned ProductWidth = 23;
  localparam int unsigned GroupWidth = ProductWidth + 2;

  if (WordBits < 8 || WordBits % 8 != 0 || WordBits > 1024) begin : gen_bad_word
    $error("apot_dot: WordBits must be a multiple of 8 in 8..1024");
  end

  logic [Groups*4*ProductWidth-1:0] products;
  logic [Groups*GroupWidth-1:0] groups_d, groups_q;
  logic [GroupWidth-1:0] group;
  logic [31:0] sum_d, sum_q;
  logic [31:0] base, acc_q;
  logic grouped_valid_q, grouped_first_q, summed_valid_q, summed_first_q;

  for (genvar e = 0; e < Groups * 4; e = e + 1) begin : gen_element
    if (e < Elements) begin : gen_pe
      apot_pe u_pe (
          .in_activation_i(in_activations_i[e*8+:8]),
          .in_activation_signed_i(in_activation_signed_i),
          .in_code_i(in_weights_i[e*8+:8]),
          .out_product_o(products[e*ProductWidth+:ProductWidth])
      );
    end else begin : gen_none
      assign products[e*ProductWidth+:ProductWidth] = '0;
    end
  end

  always_comb begin
    groups_d = '0;
    for (int unsigned g = 0; g < Groups; g = g + 1) begin
      group = '0;
      for (int unsigned e = 0; e < 4; e = e + 1) begin
        group = group + GroupWidth'($signed(products[(g*4+e)*ProductWidth+:ProductWidth]));
      end
      groups_d[g*GroupWidth+:GroupWidth] = group;
    end
  end

  always_comb begin
    sum_d = '0;
    for (int unsigned g = 0; g < Groups; g = g + 1) begin
      sum_d = sum_d + 32'($signed(groups_q[g*GroupWidth+:GroupWidth]));
    end
  end

  assign base = summed_first_q ? 32'd0 : acc_q;

  always_ff @(posedge clk_i) begin
    grouped_valid_q <= rst_ni && in_valid_i;
    summed_valid_q <= rst_ni && grouped_valid_q;
    if (in_valid_i) begin
      groups_q <= groups_d;
      grouped_first_q <= in_first_i;
    end
    if (grouped_valid_q) begin
      sum_q <= sum_d;
      summed_first_q <= grouped_first_q;
    end
    if (summed_valid_q) acc_q <= base + sum_q;
  end

  assign out_acc_o = acc_q;

`ifdef FORMAL
  `include "apot_dot_props.svh"
`endif

endmodule
