"""Everything that a user of attnc can be told, under one roof.

The mistakes of the front end are diagnostics, raised together in a `DiagnosticsError`; what later
stages find is an `AttnError` of its own class, declared in `attnc.dsl.failures`.
"""

from attnc.dsl.diagnostics import (
    AttnError as AttnError,
    Diagnostic as Diagnostic,
    DiagnosticsError as DiagnosticsError,
)
from attnc.dsl.failures import (
    AnalysisTooComplex as AnalysisTooComplex,
    AssertionRefuted as AssertionRefuted,
    AssertionUnknown as AssertionUnknown,
    DtypeMismatch as DtypeMismatch,
    GradientNotDeclared as GradientNotDeclared,
    GridMissing as GridMissing,
    HeadCountMismatch as HeadCountMismatch,
    HeadsMissing as HeadsMissing,
    InvalidArtifact as InvalidArtifact,
    InvalidGrid as InvalidGrid,
    InvalidValue as InvalidValue,
    MissingInput as MissingInput,
    NeedsGpu as NeedsGpu,
    NotBuiltForTarget as NotBuiltForTarget,
    NothingFits as NothingFits,
    NotInArtifact as NotInArtifact,
    PackageMissing as PackageMissing,
    SegmentsApart as SegmentsApart,
    SeveralMasks as SeveralMasks,
    ShapeMismatch as ShapeMismatch,
    UnknownArgument as UnknownArgument,
)
from attnc.dsl.mistakes.affine import (
    ArgumentNotConstant as ArgumentNotConstant,
    ConstantOverflow as ConstantOverflow,
    DivisionByZero as DivisionByZero,
    NegativeDivisor as NegativeDivisor,
    NonConstantDefault as NonConstantDefault,
    NonConstantDivisor as NonConstantDivisor,
    NonConstantPower as NonConstantPower,
    NonConstantRange as NonConstantRange,
    ProductOfIndices as ProductOfIndices,
    RangeTooLarge as RangeTooLarge,
)
from attnc.dsl.mistakes.assertions import (
    AssertionForm as AssertionForm,
    AssertionNotConstant as AssertionNotConstant,
    UnknownAssertion as UnknownAssertion,
)
from attnc.dsl.mistakes.binding import (
    MissingParameter as MissingParameter,
    ParameterTooLarge as ParameterTooLarge,
    UnknownParameter as UnknownParameter,
    WrongParameterType as WrongParameterType,
)
from attnc.dsl.mistakes.branches import (
    BranchKeysForm as BranchKeysForm,
    BranchStatement as BranchStatement,
    MemoryInput as MemoryInput,
    MergeForm as MergeForm,
    MergeGate as MergeGate,
    MergeMissing as MergeMissing,
    OutputReads as OutputReads,
    PooledReads as PooledReads,
    PoolValue as PoolValue,
)
from attnc.dsl.mistakes.draws import (
    ChanceNotConstant as ChanceNotConstant,
    ChanceOutOfRange as ChanceOutOfRange,
    DrawOutOfRange as DrawOutOfRange,
)
from attnc.dsl.mistakes.files import (
    FileTooLarge as FileTooLarge,
    UnknownLibrary as UnknownLibrary,
    UnknownSpec as UnknownSpec,
    UnreadableSpec as UnreadableSpec,
    UseCycle as UseCycle,
    UseEscapes as UseEscapes,
    UseNotFound as UseNotFound,
    UseTooDeep as UseTooDeep,
    UseWithoutFolder as UseWithoutFolder,
)
from attnc.dsl.mistakes.forms import (
    AxesOutOfOrder as AxesOutOfOrder,
    DuplicateStatement as DuplicateStatement,
    GradientOfInt as GradientOfInt,
    MissingMask as MissingMask,
    NoAttention as NoAttention,
    NormaliserArguments as NormaliserArguments,
    SeveralAttentions as SeveralAttentions,
    SinkVaries as SinkVaries,
    UnknownNormaliser as UnknownNormaliser,
)
from attnc.dsl.mistakes.grids import (
    BarePosition as BarePosition,
    ExtentIsMask as ExtentIsMask,
    ExtentNotConstant as ExtentNotConstant,
    InputOnAxis as InputOnAxis,
    MissingGrid as MissingGrid,
    NestedAxis as NestedAxis,
    NotOnGrid as NotOnGrid,
    UnknownGridAxis as UnknownGridAxis,
)
from attnc.dsl.mistakes.names import (
    DuplicateDefinition as DuplicateDefinition,
    DuplicateName as DuplicateName,
    RecursiveMask as RecursiveMask,
    ReservedName as ReservedName,
    ScoreOutsideScore as ScoreOutsideScore,
    ShadowsBuiltin as ShadowsBuiltin,
    UnknownAxis as UnknownAxis,
    UnknownFunction as UnknownFunction,
    UnknownInput as UnknownInput,
    UnknownKeyword as UnknownKeyword,
    UnknownMask as UnknownMask,
    UnknownName as UnknownName,
    UnusedInput as UnusedInput,
    UnusedParameter as UnusedParameter,
)
from attnc.dsl.mistakes.routes import (
    RouteArguments as RouteArguments,
    RouteBranch as RouteBranch,
    RouteConflict as RouteConflict,
    RouteIncomplete as RouteIncomplete,
    RouteInput as RouteInput,
    RouteOnly as RouteOnly,
    RouteTwice as RouteTwice,
    RouteValue as RouteValue,
    RouteVaries as RouteVaries,
    UnknownRouteForm as UnknownRouteForm,
)
from attnc.dsl.mistakes.segments import (
    CoordinateOffGrid as CoordinateOffGrid,
    SegmentLength as SegmentLength,
    SegmentOnAxis as SegmentOnAxis,
    SegmentTest as SegmentTest,
)
from attnc.dsl.mistakes.sets import (
    ChooserSize as ChooserSize,
    NotASet as NotASet,
    SetAsNumber as SetAsNumber,
    SetAxis as SetAxis,
    SetValue as SetValue,
)
from attnc.dsl.mistakes.stacks import (
    AttentionNotStack as AttentionNotStack,
    LayerVaries as LayerVaries,
    LayerWithoutPattern as LayerWithoutPattern,
    StackIncomplete as StackIncomplete,
    StackNotAttention as StackNotAttention,
)
from attnc.dsl.mistakes.syntax import (
    FloatTooLarge as FloatTooLarge,
    IntegerTooLarge as IntegerTooLarge,
    NestedTooDeeply as NestedTooDeeply,
    NotSupported as NotSupported,
    TooManyNodes as TooManyNodes,
    UnexpectedCharacter as UnexpectedCharacter,
    UnexpectedEnd as UnexpectedEnd,
    UnexpectedToken as UnexpectedToken,
    UnknownType as UnknownType,
    UnsupportedVersion as UnsupportedVersion,
    WhenNeedsParentheses as WhenNeedsParentheses,
)
from attnc.dsl.mistakes.typing import (
    FloatInMask as FloatInMask,
    ListIndex as ListIndex,
    MissingArgument as MissingArgument,
    MissingIndices as MissingIndices,
    NotIndexable as NotIndexable,
    RepeatedArgument as RepeatedArgument,
    ScoreOnly as ScoreOnly,
    TokenAxisByQuery as TokenAxisByQuery,
    TypeMismatch as TypeMismatch,
    UnboundedIndex as UnboundedIndex,
    WholeList as WholeList,
    WrongArity as WrongArity,
    WrongIndex as WrongIndex,
    WrongIndexCount as WrongIndexCount,
)
