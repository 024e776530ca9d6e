// In one pair of modes, for all operands and signs: every node of the tree at the level of the products is a product, and every
// node above is the sum of its two children. So the whole is the sum of the products: nothing but additions are composed on paper.
module fusion_unit_mode #(
    parameter int ActivationMode = 0,
    parameter int WeightMode = 0
) (
    input logic        activation_signed_i,
    input logic        weight_signed_i,
    input logic [ 1:0] pass_shift_i,
    input logic [31:0] activations_i,
    input logic [31:0] weights_i
);
  localparam int A = 2 << ActivationMode;
  localparam int W = 2 << WeightMode;
  localparam int Elements = 64 / (A * W);

  logic [79:0] bricks;
  logic [55:0] pairs;
  logic [43:0] quads;
  logic [25:0] halves;
  logic [17:0] whole;
  logic [31:0] sum;
  fusion_unit u_unit (
      .in_activation_mode_i(2'(ActivationMode)),
      .in_weight_mode_i(2'(WeightMode)),
      .in_activation_signed_i(activation_signed_i),
      .in_weight_signed_i(weight_signed_i),
      .in_pass_shift_i(pass_shift_i),
      .in_activations_i(activations_i),
      .in_weights_i(weights_i),
      .out_bricks_o(bricks),
      .out_pairs_o(pairs),
      .out_quads_o(quads),
      .out_halves_o(halves),
      .out_whole_o(whole),
      .out_sum_o(sum)
  );

  // The tree's nodes, sign extended: node 1 is the whole, 2 and 3 the halves, … 16 to 31 the bricks; node n joins nodes 2n and 2n + 1.
  logic [32*19-1:0] node;
  assign node[0+:19] = 19'd0;
  assign node[19+:19] = 19'($signed(whole));
  for (genvar k = 0; k < 2; k++) begin : gen_half
    assign node[(2+k)*19+:19] = 19'($signed(halves[k*13+:13]));
  end
  for (genvar k = 0; k < 4; k++) begin : gen_quad
    assign node[(4+k)*19+:19] = 19'($signed(quads[k*11+:11]));
  end
  for (genvar k = 0; k < 8; k++) begin : gen_pair
    assign node[(8+k)*19+:19] = 19'($signed(pairs[k*7+:7]));
  end
  for (genvar k = 0; k < 16; k++) begin : gen_brick
    assign node[(16+k)*19+:19] = 19'($signed(bricks[k*5+:5]));
  end

  logic [Elements-1:0] is_product, is_negative, is_positive;
  for (genvar e = 0; e < Elements; e++) begin : gen_product
    logic signed [A:0] activation;
    logic signed [W:0] weight;
    logic signed [A+W:0] product;
    assign activation = {activation_signed_i && activations_i[e*A+A-1], activations_i[e*A+:A]};
    assign weight = {weight_signed_i && weights_i[e*W+W-1], weights_i[e*W+:W]};
    assign product = (A + W + 1)'(activation) * (A + W + 1)'(weight);
    assign is_product[e] = node[(Elements+e)*19+:19] == 19'(product);
    assign is_negative[e] = product < 0;
    assign is_positive[e] = product > 0;
  end
  // Node `Elements` + e is the product of element e.
`ifndef FORMAL_SUMS
  always @* a_product: assert (&is_product);
`endif
  // Products of both signs occur in every element.
  always @* c_negative: cover (&is_negative);
  always @* c_positive: cover (&is_positive);

  // Every node above the products is the sum of its two, exactly (19 bits hold any two 18 bit numbers).
  logic [Elements-1:0] is_sum;
  assign is_sum[0] = 1'b1;
  for (genvar n = 1; n < Elements; n++) begin : gen_sum
    assign is_sum[n] = node[n*19+:19] == node[2*n*19+:19] + node[(2*n+1)*19+:19];
  end
`ifndef FORMAL_PRODUCTS
  always @* a_sums: assert (&is_sum);
`endif
  // A pass shifts the whole.
  always @* a_pass: assert (pass_shift_i == 2'd3 || sum == 32'($signed(whole)) << (6'd8 * 6'(pass_shift_i)));
endmodule
