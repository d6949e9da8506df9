// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {ICreditAggregator} from "./interfaces/ICreditAggregator.sol";

/// @title Who may do what, and in which assets
/// @notice Roles, the pause, and for each asset how many approvals a loan needs by its size.
abstract contract Assets is ICreditAggregator, AccessControlDefaultAdminRules, Pausable {
    /// @notice Writes the loans.
    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");
    /// @notice Approves loans by signature.
    bytes32 public constant UNDERWRITER_ROLE = keccak256("UNDERWRITER_ROLE");
    /// @notice Pauses; only the admin ends a pause.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    /// @dev `AssetConfig` and, in the word of `enabled`, the asset's number.
    struct Listed {
        uint128 second;
        uint128 third;
        bool enabled;
        uint40 number;
    }

    mapping(address asset => Listed) private _assets;
    /// @dev From 1 on, never taken back or given anew: a loan keeps the number of its asset instead of the address.
    mapping(uint40 number => address asset) private _numbered;
    uint40 private _lastNumber;

    modifier onlyOperator() {
        _requireOperator();
        _;
    }

    /// @notice Say whether loans may be made in an asset, and from which principal (base units) they need a second and
    /// a third approval; only the admin. Loans that exist go on.
    /// @param asset a token, or a currency by its ISO 4217 number
    function setAsset(address asset, AssetConfig calldata config) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (asset == address(0)) revert ZeroAddress();
        Listed storage listed = _assets[asset];
        if (listed.number == 0) {
            listed.number = ++_lastNumber;
            _numbered[listed.number] = asset;
        }
        listed.second = config.second;
        listed.third = config.third;
        listed.enabled = config.enabled;
        emit AssetConfigured(asset, config.second, config.third, config.enabled);
    }

    /// @notice Stop originations, payouts, liquidations and withdrawals at once.
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @notice End a pause; only the admin.
    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
    }

    /// @notice How an asset is configured; zeros when it never was.
    function assetConfig(address asset) external view returns (AssetConfig memory) {
        Listed storage listed = _assets[asset];
        return AssetConfig({second: listed.second, third: listed.third, enabled: listed.enabled});
    }

    /// @inheritdoc ICreditAggregator
    function approvalsNeeded(address asset, uint128 principal) public view returns (uint256) {
        Listed storage config = _assets[asset];
        if (!config.enabled) revert AssetNotSupported(asset);
        if (principal >= config.third) return 3;
        return principal >= config.second ? 2 : 1;
    }

    function _requireOperator() private view {
        _checkRole(OPERATOR_ROLE);
    }

    function _requireSupported(address asset) internal view {
        if (!_assets[asset].enabled) revert AssetNotSupported(asset);
    }

    function _numberOf(address asset) internal view returns (uint40) {
        return _assets[asset].number;
    }

    /// @dev Zero for number 0, which no asset has.
    function _assetNumbered(uint40 number) internal view returns (address) {
        return _numbered[number];
    }

    function _grantRoles(bytes32 role, address[] memory accounts) internal {
        for (uint256 i = 0; i < accounts.length; ++i) {
            if (accounts[i] == address(0)) revert ZeroAddress();
            _grantRole(role, accounts[i]);
        }
    }
}
