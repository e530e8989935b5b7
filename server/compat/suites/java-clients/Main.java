import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Main RELEASE [NAME]: runs the checks whose name holds NAME and reports a line for each. */
public final class Main {
    private static final int LIMIT_SECONDS = 60;

    private Main() {}

    interface Check {
        void run() throws Exception;
    }

    public static void main(String[] args) {
        Map<String, Check> checks = new LinkedHashMap<>();
        RecordChecks.add(checks);
        AdminChecks.add(checks);
        GroupChecks.add(checks);
        boolean failed = false;
        for (Map.Entry<String, Check> check : checks.entrySet()) {
            String name = args[0] + "/" + check.getKey();
            if (args.length > 1 && !name.contains(args[1])) {
                continue;
            }
            long start = System.nanoTime();
            Throwable fault = inTime(check.getValue());
            if (fault == null) {
                System.out.printf("TEST passed %s\t%.1f s%n", name, (System.nanoTime() - start) / 1e9);
                continue;
            }
            failed = true;
            print(fault);
            System.out.printf("TEST failed %s%n", name);
        }
        System.out.flush();
        // Threads of a failed check's clients may never end.
        Runtime.getRuntime().halt(failed ? 2 : 0);
    }

    private static Throwable inTime(Check check) {
        FutureTask<Void> task = new FutureTask<>((Callable<Void>) () -> {
            check.run();
            return null;
        });
        Thread thread = new Thread(task, "check");
        thread.setDaemon(true);
        thread.start();
        try {
            task.get(LIMIT_SECONDS, TimeUnit.SECONDS);
            return null;
        } catch (ExecutionException e) {
            return e.getCause();
        } catch (TimeoutException e) {
            AssertionError late = new AssertionError("not done after " + LIMIT_SECONDS + " s");
            late.setStackTrace(thread.getStackTrace());
            return late;
        } catch (InterruptedException e) {
            return e;
        }
    }

    /** Indented, so that no line of an error is taken for one of the contract's. */
    private static void print(Throwable fault) {
        for (Throwable t = fault; t != null; t = t.getCause()) {
            System.out.println("    " + t.toString().replace("\n", "\n    "));
            for (StackTraceElement frame : t.getStackTrace()) {
                System.out.println("        at " + frame);
            }
        }
    }
}
