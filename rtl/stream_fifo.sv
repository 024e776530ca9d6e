
/// A queue of beats between two valid/ready streams. Every output is a flop or a function of flops, so no combinational path crosses it.
/// Latency one cycle; throughput one beat a cycle for Depth >= 2, every second cycle for Depth = 1.
module stream_fifo #(
    /// Bits of a beat.
    parameter int unsigned Width = 16,
    /// Beats held at most, at least 1; any number, not only powers of two. The output register is one of the places.
    parameter int unsigned Depth = 8
) (
    /// Clock.
    input  logic                       clk_i,
    /// Synchronous reset, active low: the queue becomes empty.
    input  logic                       rst_ni,
    /// A beat is offered.
    input  logic                       in_valid_i,
    /// The beat is taken in this cycle if offered: the queue is not full.
    output logic                       in_ready_o,
    /// The beat.
    input  logic [Width-1:0]           in_data_i,
    /// A beat is at the output; a flop.
    output logic                       out_valid_o,
    /// The beat at the output leaves in this cycle.
    input  logic                       out_ready_i,
    /// The beat at the output; flops.
    output logic [Width-1:0]           out_data_o,
    /// Beats held, the one at the output among them; flops.
    output logic [$clog2(Depth+1)-1:0] count_o
);

  localparam int unsigned CountBits = $clog2(Depth + 1);
  // Places behind the output register. With Depth = 1 there is none: the memory is never written and vanishes.
  localparam int unsigned Places = Depth > 1 ? Depth - 1 : 1;
  localparam int unsigned PlaceBits = Places > 1 ? $clog2(Places) : 1;
  localparam logic [PlaceBits-1:0] LastPlace = PlaceBits'(Places - 1);

  if (Depth < 1) $error("stream_fifo: Depth must be at least 1");

  logic [Width-1:0]     memory_q [Places];
  logic [PlaceBits-1:0] write_q, read_q;
  logic [CountBits-1:0] count_q;

  logic take, give, waiting, load, push, pop;
  assign take    = in_valid_i && in_ready_o;
  assign give    = out_valid_o && out_ready_i;
  // A beat waits behind the output register.
  assign waiting = Depth > 1 && count_q != CountBits'(out_valid_o);
  // The output register is free in the next cycle: the oldest waiting beat, else the incoming one, goes there.
  assign load    = out_ready_i || !out_valid_o;
  assign push    = Depth > 1 && take && (waiting || !load);
  assign pop     = load && waiting;

  assign in_ready_o = count_q != CountBits'(Depth);
  assign count_o    = count_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      out_valid_o <= 1'b0;
      count_q     <= '0;
      write_q     <= '0;
      read_q      <= '0;
    end else begin
      if (load) out_valid_o <= waiting || take;
      count_q <= count_q + CountBits'(take) - CountBits'(give);
      if (push) write_q <= write_q == LastPlace ? '0 : write_q + PlaceBits'(1);
      if (pop) read_q <= read_q == LastPlace ? '0 : read_q + PlaceBits'(1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (push) memory_q[write_q] <= in_data_i;
    if (load) out_data_o <= waiting ? memory_q[read_q] : in_data_i;
  end

`ifdef FORMAL
  `include "stream_fifo_props.svh"
`endif

endmodule
