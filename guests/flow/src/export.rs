//! From orchestrations and activities to a component.

/// Makes a component of these orchestrations, which have nothing done but what another component does.
///
/// ```text
/// taskhost_flow::export_orchestrations!(process_data, report);
/// ```
#[macro_export]
macro_rules! export_orchestrations {
    ($($orchestration:ty),+ $(,)?) => {
        /// The component.
        #[allow(dead_code, reason = "natively nothing is exported")]
        struct Flows;

        $crate::__orchestrations!($($orchestration),+);

        #[cfg(target_family = "wasm")]
        $crate::bindings::export!(Flows with_types_in $crate::bindings);
    };
}

/// Makes a component of these orchestrations, and of the activities that they have done.
///
/// One file has both, and never both in one instance: the host gives orchestrations an instance in which
/// every import ends the run that calls it, and each attempt of an activity an instance with the grants of
/// the component.
///
/// ```text
/// taskhost_flow::export_flows! {
///     orchestrations: [process_data, report],
///     activities: [do_step],
/// }
/// ```
#[macro_export]
macro_rules! export_flows {
    (
        orchestrations: [$($orchestration:ty),+ $(,)?],
        activities: [$($activity:ty),+ $(,)?] $(,)?
    ) => {
        /// The component.
        #[allow(dead_code, reason = "natively nothing is exported")]
        struct Flows;

        $crate::__orchestrations!($($orchestration),+);
        $crate::__activities!($($activity),+);

        #[cfg(target_family = "wasm")]
        $crate::bindings::export!(Flows with_types_in $crate::bindings);
        #[cfg(target_family = "wasm")]
        $crate::bindings::activities::export!(Flows with_types_in $crate::bindings::activities);
    };
}

/// What `Flows` exports of its orchestrations.
#[doc(hidden)]
#[macro_export]
macro_rules! __orchestrations {
    ($($orchestration:ty),+) => {
        /// One run.
        #[allow(dead_code, reason = "natively nothing is exported")]
        struct FlowRun(::std::cell::RefCell<$crate::replay::Run>);

        impl $crate::bindings::exports::taskhost::durable::orchestrator::Guest for Flows {
            type Run = FlowRun;

            fn list_orchestrations()
            -> Vec<$crate::bindings::taskhost::durable::types::Orchestration> {
                vec![$($crate::definition::<$orchestration>()),+]
            }
        }

        impl $crate::bindings::exports::taskhost::durable::orchestrator::GuestRun for FlowRun {
            fn new() -> Self {
                const ALL: &[$crate::Begin] = &[$($crate::Begin::of::<$orchestration>()),+];
                $crate::panics::tell();
                Self(::std::cell::RefCell::new($crate::replay::Run::new(ALL)))
            }

            fn step(&self, events: Vec<$crate::Event>) -> Result<Vec<$crate::Command>, $crate::Failure> {
                self.0.borrow_mut().step(events)
            }
        }
    };
}

/// What `Flows` exports of its activities.
#[doc(hidden)]
#[macro_export]
macro_rules! __activities {
    ($($activity:ty),+) => {
        /// All activities.
        #[allow(dead_code, reason = "natively nothing is exported")]
        const ACTIVITIES: &[$crate::Perform] = &[$($crate::Perform::of::<$activity>()),+];

        impl $crate::bindings::activities::exports::taskhost::durable::activities::Guest for Flows {
            fn list_activities()
            -> Vec<$crate::bindings::taskhost::durable::types::Activity> {
                ACTIVITIES.iter().map($crate::Perform::definition).collect()
            }

            async fn run(name: String, input: String) -> Result<String, $crate::Failure> {
                $crate::panics::tell();
                $crate::perform(ACTIVITIES, &name, &input).await
            }
        }
    };
}
