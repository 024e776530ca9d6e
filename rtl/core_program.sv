/// The program port of a core: a stream of {register, value}. Register 0 runs the layer that the others describe; the next beat is taken
/// when that is done. Registers keep their values from layer to layer.
module core_program (
    /// Clock.
    input  logic        clk_i,
    /// Synchronous reset, active low.
    input  logic        rst_ni,
    /// Program: valid, ready, {register, value}.
    input  logic        prog_valid_i,
    /// Taken: no layer is running.
    output logic        prog_ready_o,
    /// Register in bits 39:32, value in bits 31:0.
    input  logic [39:0] prog_data_i,
    /// The layer is done.
    input  logic        done_i,
    /// A layer begins with the next cycle (pulse).
    output logic        start_o,
    /// A layer is running.
    output logic        running_o,
    /// Register r, 1 to 31, in bits [r*32 +: 32]; see docs/rtl/tile_shell.md.
    output logic [1023:0] registers_o
);

  logic          running_q, started_q;
  logic [1023:0] registers_q;

  assign prog_ready_o = !running_q;
  assign running_o = running_q;
  assign registers_o = registers_q;
  assign start_o = prog_valid_i && prog_ready_o && prog_data_i[39:32] == 8'd0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      running_q <= 1'b0;
      started_q <= 1'b0;
    end else begin
      started_q <= start_o;
      if (start_o) running_q <= 1'b1;
      else if (running_q && !started_q && done_i) running_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (prog_valid_i && prog_ready_o && prog_data_i[39:37] == 3'd0) registers_q[prog_data_i[36:32]*32+:32] <= prog_data_i[31:0];
  end

`ifdef FORMAL
  `include "core_program_props.svh"
`endif

endmodule
