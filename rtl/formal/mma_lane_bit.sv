// Stands in for mma_lane in the proof of mma_tile, which is about which words meet, and when: the product of the lowest bits only.
module mma_lane (
    input logic [1:0] in_mode_i,
    input logic in_activation_signed_i,
    input logic in_weight_signed_i,
    input logic [7:0] in_activation_i,
    input logic [7:0] in_weight_i,
    output logic [18:0] out_sum_o
);
  assign out_sum_o = {{18{in_activation_signed_i ^ in_weight_signed_i}} & {18{in_activation_i[0] & in_weight_i[0] & in_mode_i[1]}}, in_activation_i[0] & in_weight_i[0] & in_mode_i[1]};
endmodule
