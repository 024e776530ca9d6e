/// Issues the operands of a job whose tiles hold whole numbers: word after word of K, each pass of its activations with each pass of its weights.
/// Pass p of activation word n is at base + n * activation passes + p, that of the weights at base + n * weight passes + p.
module word_sequencer #(
    /// Bits of an entry's address in the activation memory.
    parameter int unsigned ActivationAddressBits = 6,
    /// The same in the weight memory.
    parameter int unsigned WeightAddressBits = 6,
    /// Cycles that a job takes at least (an array whose captures have a least distance); at least 1.
    parameter int unsigned LeastCycles = 1
) (
    /// Clock.
    input  logic                             clk_i,
    /// Synchronous reset, active low.
    input  logic                             rst_ni,
    /// Words of K in a tile, at least 1; holds while anything is issued.
    input  logic [31:0]                      words_i,
    /// Passes of a word of activations, at least 1; holds while anything is issued.
    input  logic [4:0]                       activation_passes_i,
    /// Passes of a word of weights, at least 1; holds while anything is issued.
    input  logic [4:0]                       weight_passes_i,
    /// A job starts: its first operands are issued in the next cycle. Only with issued_o.
    input  logic                             start_i,
    /// First entry of its activation tile.
    input  logic [ActivationAddressBits-1:0] activation_base_i,
    /// First entry of its weight tile.
    input  logic [WeightAddressBits-1:0]     weight_base_i,
    /// Operands are issued in this cycle.
    output logic                             issue_o,
    /// Entry of the activation memory.
    output logic [ActivationAddressBits-1:0] activation_entry_o,
    /// Entry of the weight memory.
    output logic [WeightAddressBits-1:0]     weight_entry_o,
    /// Pass of the activations.
    output logic [4:0]                       activation_pass_o,
    /// Pass of the weights.
    output logic [4:0]                       weight_pass_o,
    /// The first operands of the job.
    output logic                             first_o,
    /// The first pass of the weights: the activations count toward their sum.
    output logic                             sum_o,
    /// All operands of the job were issued, or the last are issued in this cycle; and the job is LeastCycles old.
    output logic                             issued_o
);

  localparam int unsigned WaitBits = LeastCycles > 1 ? $clog2(LeastCycles) : 1;

  if (LeastCycles < 1) begin : gen_bad_least
    $error("LeastCycles must be at least 1");
  end

  logic [ActivationAddressBits-1:0] activation_entry_q;
  logic [WeightAddressBits-1:0]     weight_entry_q;
  logic [31:0]                      word_q;
  logic [4:0]                       activation_pass_q, weight_pass_q;
  logic                             issue_q;
  logic [WaitBits-1:0]              wait_q;  // cycles after this one until the job is LeastCycles old

  wire last_activation_pass = activation_pass_q == activation_passes_i - 5'd1;
  wire last_weight_pass = weight_pass_q == weight_passes_i - 5'd1;
  wire last_of_word = last_activation_pass && last_weight_pass;
  wire last = word_q == words_i - 32'd1 && last_of_word;

  assign issue_o = issue_q;
  assign activation_entry_o = activation_entry_q;
  assign weight_entry_o = weight_entry_q;
  assign activation_pass_o = activation_pass_q;
  assign weight_pass_o = weight_pass_q;
  assign first_o = word_q == '0 && activation_pass_q == '0 && weight_pass_q == '0;
  assign sum_o = weight_pass_q == '0;
  assign issued_o = (!issue_q || last) && wait_q == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) issue_q <= 1'b0;
    else if (start_i) issue_q <= 1'b1;
    else if (last) issue_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) wait_q <= '0;
    else if (start_i) wait_q <= WaitBits'(LeastCycles - 1);
    else if (wait_q != '0) wait_q <= wait_q - WaitBits'(1);
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      activation_entry_q <= activation_base_i;
      weight_entry_q     <= weight_base_i;
      word_q             <= '0;
      activation_pass_q  <= '0;
      weight_pass_q      <= '0;
    end else if (issue_q) begin
      // The weights of a word pass by once for each pass of its activations.
      weight_pass_q  <= last_weight_pass ? '0 : weight_pass_q + 5'd1;
      weight_entry_q <= last_weight_pass && !last_activation_pass ?
                        WeightAddressBits'(weight_entry_q - WeightAddressBits'(weight_pass_q)) : weight_entry_q + WeightAddressBits'(1);
      if (last_weight_pass) begin
        activation_pass_q  <= last_activation_pass ? '0 : activation_pass_q + 5'd1;
        activation_entry_q <= activation_entry_q + ActivationAddressBits'(1);
        if (last_activation_pass) word_q <= word_q + 32'd1;
      end
    end
  end

`ifdef FORMAL
  `include "word_sequencer_props.svh"
`endif

endmodule
