// Stands in for mma_lane in the proofs of mma_dot: any sum at all, which those proofs restrict to the range that mma_lane is proved to keep.
module mma_lane (
    input logic [1:0] in_mode_i,
    input logic in_activation_signed_i,
    input logic in_weight_signed_i,
    input logic [7:0] in_activation_i,
    input logic [7:0] in_weight_i,
    output logic [18:0] out_sum_o
);
  (* anyseq *) logic [18:0] f_any;
  assign out_sum_o = f_any;
endmodule
