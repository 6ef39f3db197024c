/**
  The library: pure functions for packages and modules, by the names the field
  knows. Everything is reached by its file's name (`lib.strings.toUpper`) and,
  where it is common, directly (`lib.toUpper`).

  Files are read only when something in them is used. `lib.extend` lays an
  overlay over the whole.
*/
let
  inherit (import ./fixed-points.nix { inherit lib; }) makeExtensible;

  lib = makeExtensible (
    self:
    let
      load = file: import file { lib = self; };
    in
    {
      trivial = load ./trivial.nix;
      fixedPoints = load ./fixed-points.nix;
      attrsets = load ./attrsets.nix;
      lists = load ./lists.nix;
      strings = load ./strings.nix;
      stringsWithDeps = load ./strings-with-deps.nix;
      customisation = load ./customisation.nix;
      derivations = load ./derivations.nix;
      meta = load ./meta.nix;
      versions = load ./versions.nix;
      asserts = load ./asserts.nix;
      debug = load ./debug.nix;
      options = load ./options.nix;
      properties = load ./properties.nix;
      moduleLoading = load ./module-loading.nix;
      moduleRenames = load ./module-renames.nix;
      modules = load ./modules.nix;
      optionTypes = load ./types.nix;
      sources = load ./sources.nix;
      filesystem = load ./filesystem.nix;
      generators = load ./generators.nix;
      misc = load ./misc.nix;
      fetchers = load ./fetchers.nix;
      flakes = load ./flakes.nix;
      path = load ./path.nix;
      fileset = load ./fileset.nix;
      network = load ./network.nix;
      gvariant = load ./gvariant.nix;
      cli = load ./cli.nix;
      kernel = load ./kernel.nix;
      licenses = load ./licenses.nix;
      sourceTypes = load ./source-types.nix;
      systems = load ./systems;
      platforms = self.systems.doubles;
      inherit (self.optionTypes) types;
      inherit (self.network.ipv6) mkEUI64Suffix;

      inherit (builtins)
        convertHash
        fromTOML
        getContext
        hasContext
        hashString
        placeholder
        toFile
        toString
        toXML
        tryEval
        ;

      inherit (self.trivial)
        add
        and
        bitAnd
        bitNot
        bitOr
        bitXor
        boolToString
        boolToYesNo
        ceil
        checkListOfEnum
        compare
        concat
        const
        deepSeq
        defaultTo
        div
        flip
        floor
        fromHexString
        functionArgs
        genericClosure
        id
        importJSON
        importTOML
        info
        inNixShell
        inPureEvalMode
        isBool
        isFloat
        isFunction
        isInOldestRelease
        isInt
        lessThan
        mapNullable
        max
        mergeAttrs
        min
        mirrorFunctionArgs
        mod
        mul
        nixpkgsVersion
        oldestSupportedReleaseIsAtLeast
        or
        pathExists
        pipe
        readFile
        seq
        setFunctionArgs
        showWarnings
        splitByAndCompare
        sub
        throwIf
        throwIfNot
        toBaseDigits
        toFunction
        toHexString
        version
        warn
        warnIf
        warnIfNot
        xor
        ;
      inherit (self.fixedPoints)
        composeExtensions
        composeManyExtensions
        converge
        extends
        fix
        fix'
        makeExtensible
        makeExtensibleWithCustomName
        toExtension
        ;
      inherit (self.attrsets)
        attrByPath
        attrNames
        attrsToList
        attrVals
        attrValues
        cartesianProduct
        catAttrs
        chooseDevOutputs
        collect
        concatMapAttrs
        dontRecurseIntoAttrs
        filterAttrs
        filterAttrsRecursive
        foldAttrs
        foldlAttrs
        genAttrs
        genAttrs'
        getAttr
        getAttrFromPath
        getAttrs
        getBin
        getDev
        getFirstOutput
        getInclude
        getLib
        getMan
        getOutput
        getStatic
        hasAttr
        hasAttrByPath
        intersectAttrs
        isAttrs
        isDerivation
        listToAttrs
        mapAttrs
        mapAttrs'
        mapAttrsRecursive
        mapAttrsRecursiveCond
        mapAttrsToList
        mapAttrsToListRecursive
        mapAttrsToListRecursiveCond
        mapCartesianProduct
        matchAttrs
        mergeAttrsList
        nameValuePair
        optionalAttrs
        overrideExisting
        recurseIntoAttrs
        recursiveUpdate
        recursiveUpdateUntil
        removeAttrs
        setAttrByPath
        showAttrPath
        toDerivation
        updateManyAttrsByPath
        zipAttrs
        zipAttrsWith
        zipAttrsWithNames
        ;
      inherit (self.lists)
        all
        allUnique
        any
        compareLists
        concatAttrValues
        concatLists
        concatMap
        count
        crossLists
        drop
        dropEnd
        elem
        elemAt
        filter
        findFirst
        findSingle
        flatten
        fold
        foldl
        foldl'
        foldr
        forEach
        genList
        groupBy
        groupBy'
        head
        ifilter0
        imap0
        imap1
        init
        intersectLists
        isList
        last
        length
        listDfs
        map
        mutuallyExclusive
        naturalSort
        optional
        optionals
        partition
        range
        remove
        replaceElemAt
        replicate
        reverseList
        singleton
        sort
        sortOn
        sublist
        subtractLists
        tail
        take
        takeEnd
        toList
        toposort
        unique
        uniqueStrings
        zipLists
        zipListsWith
        ;
      inherit (self.strings)
        addContextFrom
        appendContext
        cmakeBool
        cmakeFeature
        cmakeOptionType
        compareVersions
        concatImapStrings
        concatImapStringsSep
        concatLines
        concatMapAttrsStringSep
        concatMapStrings
        concatMapStringsSep
        concatStrings
        concatStringsSep
        enableFeature
        enableFeatureAs
        escape
        escapeRegex
        escapeShellArg
        escapeShellArgs
        escapeURL
        escapeXML
        fileContents
        fixedWidthNumber
        fixedWidthString
        fromJSON
        getName
        getVersion
        hasInfix
        hasPrefix
        hasSuffix
        intersperse
        isPath
        isStorePath
        isString
        isStringLike
        isValidPosixName
        join
        lowerChars
        makeBinPath
        makeIncludePath
        makeLibraryPath
        makeSearchPath
        makeSearchPathOutput
        match
        mesonBool
        mesonEnable
        mesonOption
        nameFromURL
        optionalString
        parseDrvName
        removePrefix
        removeSuffix
        replaceString
        replaceStrings
        split
        splitString
        splitStringBy
        stringAsChars
        stringLength
        stringToCharacters
        substring
        toCamelCase
        toInt
        toIntBase10
        toJSON
        toLower
        toSentenceCase
        toShellVar
        toShellVars
        toUpper
        trim
        trimWith
        typeOf
        unsafeDiscardStringContext
        upperChars
        versionAtLeast
        versionOlder
        withFeature
        withFeatureAs
        ;
      inherit (self.stringsWithDeps)
        fullDepEntry
        noDepEntry
        packEntry
        stringAfter
        textClosureList
        textClosureMap
        ;
      inherit (self.customisation)
        callPackagesWith
        callPackageWith
        extendDerivation
        extendMkDerivation
        hydraJob
        makeOverridable
        makeScope
        makeScopeWithSplicing
        makeScopeWithSplicing'
        mapCrossIndex
        overrideDerivation
        renameCrossIndexFrom
        renameCrossIndexTo
        ;
      inherit (self.derivations)
        addDrvOutputDependencies
        lazyDerivation
        optionalDrvAttr
        unsafeDiscardOutputDependency
        warnOnInstantiate
        ;
      inherit (self.meta)
        addMetaAttrs
        appendToName
        dontDistribute
        getExe
        getExe'
        getLicenseFromSpdxId
        getLicenseFromSpdxIdOr
        hiPrio
        hiPrioSet
        licensesSpdx
        lowPrio
        lowPrioSet
        mapDerivationAttrset
        setName
        setPrio
        updateName
        ;
      inherit (self.versions)
        splitVersion
        ;
      inherit (self.asserts)
        assertMsg
        assertOneOf
        ;
      inherit (self.debug)
        addErrorContext
        runTests
        testAllTrue
        trace
        traceFnSeqN
        traceIf
        traceSeq
        traceSeqN
        traceVal
        traceValFn
        traceValSeq
        traceValSeqFn
        traceValSeqN
        traceValSeqNFn
        unsafeGetAttrPos
        ;
      inherit (self.options)
        getFiles
        getValues
        isOption
        literalExpression
        literalMD
        mergeDefaultOption
        mergeEqualOption
        mergeOneOption
        mergeUniqueOption
        mkEnableOption
        mkOption
        mkPackageOption
        mkSinkUndeclaredOptions
        optionAttrSetToDocList
        optionAttrSetToDocList'
        scrubOptionValue
        showFiles
        showOption
        showOptionWithDefLocs
        unknownModule
        ;
      inherit (self.properties)
        dischargeProperties
        filterOverrides
        mkAfter
        mkAliasAndWrapDefinitions
        mkAliasDefinitions
        mkAssert
        mkBefore
        mkDefault
        mkDefinition
        mkDerivedConfig
        mkFixStrictness
        mkForce
        mkIf
        mkImageMediaOverride
        mkMerge
        mkOptionDefault
        mkOrder
        mkOverride
        mkVMOverride
        pushDownProperties
        sortProperties
        ;
      inherit (self.modules)
        applyModuleArgsIfFunction
        doRename
        evalModules
        evalOptionValue
        fixupOptionType
        mergeDefinitions
        mergeModules
        mergeModules'
        mergeOptionDecls
        mkAliasOptionModule
        mkAliasOptionModuleMD
        mkChangedOptionModule
        mkMergedOptionModule
        mkRemovedOptionModule
        mkRenamedOptionModule
        mkRenamedOptionModuleWith
        setDefaultModuleLocation
        unifyModuleSyntax
        ;
      inherit (self.optionTypes)
        defaultFunctor
        defaultTypeMerge
        isOptionType
        isType
        mkOptionType
        setType
        ;
      inherit (self.sources)
        canCleanSource
        cleanSource
        cleanSourceFilter
        cleanSourceWith
        commitIdFromGitRepo
        filterSource
        pathHasContext
        pathIsGitRepo
        repoRevToName
        revOrTag
        sourceByRegex
        sourceFilesBySuffices
        ;
      inherit (self.filesystem)
        baseNameOf
        dirOf
        hashFile
        packagesFromDirectoryRecursive
        pathIsDirectory
        pathIsRegularFile
        pathType
        readDir
        readFileType
        ;
      inherit (self.generators)
        mkLuaInline
        ;
      inherit (self.misc)
        closePropagation
        fakeHash
        fakeSha256
        fakeSha512
        ifEnable
        maybeAttr
        maybeAttrNullable
        maybeEnv
        nixType
        nvs
        setAttr
        ;
      inherit (self.flakes)
        flakeRefToString
        parseFlakeRef
        ;
    }
  );
in
lib
