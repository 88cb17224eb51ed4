# Runs sequences of child exits and commands on the real supervisors of Erlang/OTP and Elixir, and writes what happened.
# Started by scripts/record-otp.ts; test/supervision/oracle/sequence.ts says what a sequence and an event are.
# Reads one sequence a line from the file that is its argument; writes one list of events a line.

defmodule Log do
  use GenServer

  def start_link, do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)
  def put(event), do: GenServer.call(__MODULE__, {:put, event})
  def next_start(id), do: GenServer.call(__MODULE__, {:next_start, id})
  def started(id, pid), do: GenServer.call(__MODULE__, {:started, id, pid})
  def pid_of(id), do: GenServer.call(__MODULE__, {:pid_of, id})
  def id_of(pid), do: GenServer.call(__MODULE__, {:id_of, pid})
  def take, do: GenServer.call(__MODULE__, :take)

  @impl true
  def init(_), do: {:ok, empty()}

  defp empty, do: %{events: [], starts: %{}, pids: %{}, ids: %{}}

  @impl true
  def handle_call({:put, event}, _from, state), do: {:reply, :ok, %{state | events: [event | state.events]}}

  def handle_call({:next_start, id}, _from, state) do
    {:reply, Map.get(state.starts, id, 0), %{state | starts: Map.update(state.starts, id, 1, &(&1 + 1))}}
  end

  def handle_call({:started, id, pid}, _from, state) do
    Process.monitor(pid)
    events = [["start", id, "ok"] | state.events]
    {:reply, :ok, %{state | events: events, pids: Map.put(state.pids, id, pid), ids: Map.put(state.ids, pid, id)}}
  end

  def handle_call({:pid_of, id}, _from, state), do: {:reply, Map.get(state.pids, id), state}
  def handle_call({:id_of, pid}, _from, state), do: {:reply, Map.fetch!(state.ids, pid), state}
  def handle_call(:take, _from, state), do: {:reply, Enum.reverse(state.events), empty()}

  @impl true
  def handle_info({:DOWN, _, :process, pid, reason}, state) do
    {:noreply, %{state | events: [["end", Map.fetch!(state.ids, pid), Reason.write(reason)] | state.events]}}
  end
end

defmodule Reason do
  def read("shutdown_x"), do: {:shutdown, :x}
  def read(reason), do: String.to_atom(reason)

  def write({:shutdown, :x}), do: "shutdown_x"
  def write({:shutdown, {:failed_to_start_child, id, _}}), do: "failed_to_start " <> id
  def write(reason) when is_atom(reason), do: Atom.to_string(reason)
end

defmodule Child do
  def spec([id, restart, shutdown, significant, type, starts, on_stop]) do
    %{
      id: id,
      start: {__MODULE__, :start_link, [id, starts, on_stop]},
      restart: String.to_atom(restart),
      shutdown: if(is_binary(shutdown), do: String.to_atom(shutdown), else: shutdown),
      type: String.to_atom(type)
    }
    |> Map.merge(if(significant, do: %{significant: true}, else: %{}))
  end

  def start_link(id, starts, on_stop) do
    case Enum.at(starts, Log.next_start(id), "ok") do
      "ok" ->
        :proc_lib.start_link(__MODULE__, :init, [self(), id, on_stop])

      outcome ->
        Log.put(["start", id, outcome])

        case outcome do
          "ignore" -> :ignore
          "error" -> {:error, :boom}
          "raise" -> raise "boom"
        end
    end
  end

  def init(parent, id, on_stop) do
    Process.flag(:trap_exit, true)
    Log.started(id, self())
    :proc_lib.init_ack({:ok, self()})
    loop(parent, on_stop)
  end

  defp loop(parent, on_stop) do
    receive do
      {:exit_with, reason} -> exit(reason)
      {:EXIT, ^parent, reason} when on_stop == "obey" -> exit(reason)
      {:EXIT, ^parent, _} when on_stop == "never" -> loop(parent, on_stop)
      {:EXIT, ^parent, _} -> exit(Reason.read(on_stop))
    end
  end
end

defmodule Tree do
  @behaviour :supervisor
  @impl true
  def init({flags, children}), do: {:ok, {flags, children}}
end

# Of all that is logged, the reports of supervisors, in words.
defmodule Reports do
  @kinds %{child_terminated: "child_terminated", start_error: "start_failed", shutdown_error: "shutdown_failed", shutdown: "gave_up"}

  def log(%{msg: {:report, %{label: {:supervisor, kind}, report: report}}}, _) when is_map_key(@kinds, kind) do
    offender = report[:offender]
    # A dynamic supervisor's offender has no id, but the newest process that ran in its place.
    id = if is_binary(offender[:id]), do: offender[:id], else: Log.id_of(process(offender[:pid]))
    Log.put(["report", @kinds[kind], id])
  end

  def log(_, _), do: :ok

  defp process({:restarting, pid}), do: process(pid)
  defp process(pid), do: pid
end

defmodule Run do
  # Longer than any sequence takes: how restarts stop counting is a matter of time, and tested elsewhere.
  @period 3600

  def sequence([kind, strategy, max_restarts, auto_shutdown, max_children, children, commands, stop]) do
    case start(kind, strategy, max_restarts, auto_shutdown, max_children, children) do
      {:ok, sup} ->
        Process.monitor(sup)
        settle(sup)
        Log.put(["result", "started"])
        for command <- commands, do: command(sup, kind, command)
        stop(sup, Reason.read(stop))

      {:error, reason} ->
        Log.put(["result", "not started"])
        Log.put(["exit", Reason.write(reason)])
    end

    receive do
      {:EXIT, _, _} -> :ok
    after
      0 -> :ok
    end

    # Whatever ends together with its supervisor has ended by now.
    Process.sleep(2)
    Log.take()
  end

  defp start("supervisor", strategy, max_restarts, auto_shutdown, _, children) do
    flags = %{
      strategy: String.to_atom(strategy),
      intensity: max_restarts,
      period: @period,
      auto_shutdown: String.to_atom(auto_shutdown)
    }

    :supervisor.start_link(Tree, {flags, Enum.map(children, &Child.spec/1)})
  end

  defp start("dynamic", _, max_restarts, _, max_children, _) do
    DynamicSupervisor.start_link(
      max_restarts: max_restarts,
      max_seconds: @period,
      max_children: if(max_children == 0, do: :infinity, else: max_children)
    )
  end

  defp command(sup, kind, command) do
    if Process.alive?(sup) do
      run(sup, kind, command)
      settle(sup)
    end
  end

  defp run(_, _, ["exit", id, reason]), do: exit_child(id, reason)

  defp run(sup, _, ["exit_together", ids, reason]) do
    :erlang.suspend_process(sup)
    for id <- ids, do: exit_child(id, reason)
    :erlang.resume_process(sup)
  end

  defp run(sup, "dynamic", ["start", plan]), do: result(DynamicSupervisor.start_child(sup, Child.spec(plan)))
  defp run(sup, _, ["start", plan]), do: result(Supervisor.start_child(sup, Child.spec(plan)))

  defp run(sup, "dynamic", ["terminate", id]) do
    result(DynamicSupervisor.terminate_child(sup, Log.pid_of(id) || spawn(fn -> :ok end)))
  end

  defp run(sup, _, ["terminate", id]), do: result(Supervisor.terminate_child(sup, id))
  defp run(sup, _, ["restart", id]), do: result(Supervisor.restart_child(sup, id))
  defp run(sup, _, ["delete", id]), do: result(Supervisor.delete_child(sup, id))

  defp run(sup, "dynamic", ["which"]) do
    Log.put(["result", Enum.sort(for({_, pid, type, _} <- DynamicSupervisor.which_children(sup), do: [state(pid), type]) |> words())])
  end

  defp run(sup, _, ["which"]) do
    Log.put(["result", for({id, pid, type, _} <- Supervisor.which_children(sup), do: [id, state(pid), type]) |> words()])
  end

  defp run(sup, kind, ["count"]) do
    counts = if kind == "dynamic", do: DynamicSupervisor.count_children(sup), else: Supervisor.count_children(sup)
    Log.put(["result", [counts.specs, counts.active, counts.supervisors, counts.workers]])
  end

  defp words(rows), do: Enum.map(rows, fn row -> Enum.map(row, &to_string/1) end)
  defp state(pid) when is_pid(pid), do: "running"
  defp state(:undefined), do: "down"
  defp state(:restarting), do: "restarting"

  defp exit_child(id, reason) do
    pid = Log.pid_of(id)

    if pid != nil and Process.alive?(pid) do
      monitor = Process.monitor(pid)
      send(pid, {:exit_with, Reason.read(reason)})

      receive do
        {:DOWN, ^monitor, _, _, _} -> :ok
      end
    end
  end

  defp result(:ok), do: Log.put(["result", "ok"])
  defp result({:ok, pid}) when is_pid(pid), do: Log.put(["result", "ok"])
  defp result({:ok, :undefined}), do: Log.put(["result", "ignored"])
  defp result(:ignore), do: Log.put(["result", "ignored"])
  defp result({:error, {:already_started, _}}), do: Log.put(["result", "already_started"])

  defp result({:error, reason}) when reason in [:already_present, :not_found, :running, :restarting, :max_children],
    do: Log.put(["result", to_string(reason)])

  defp result({:error, {:bad_combination, _}}), do: Log.put(["result", "bad_spec"])
  defp result({:error, _}), do: Log.put(["result", "start_failed"])

  # Until the supervisor has nothing more to do: it is gone, or no restart is to be tried again.
  defp settle(sup) do
    Process.sleep(1)

    restarting =
      try do
        Enum.any?(:gen_server.call(sup, :which_children, :infinity), fn {_, pid, _, _} -> pid == :restarting end)
      catch
        :exit, _ -> false
      end

    if restarting, do: settle(sup)

    receive do
      {:DOWN, _, :process, ^sup, reason} -> Log.put(["exit", Reason.write(reason)])
    after
      0 -> :ok
    end
  end

  defp stop(sup, reason) do
    if Process.alive?(sup) do
      # Elixir's own: the supervisor ends its children, and exits with this reason.
      Supervisor.stop(sup, reason, :infinity)
      Log.put(["exit", Reason.write(reason)])
    end
  end
end

for handler <- :logger.get_handler_ids(), do: :logger.remove_handler(handler)
:ok = :logger.add_handler(:reports, Reports, %{level: :all})
Process.flag(:trap_exit, true)
{:ok, _} = Log.start_link()

[file] = System.argv()

for line <- File.stream!(file) do
  {sequence, _} = Code.eval_string(line)
  events = Run.sequence(sequence)
  IO.puts(inspect(events, limit: :infinity, printable_limit: :infinity, width: :infinity, charlists: :as_lists))
end
